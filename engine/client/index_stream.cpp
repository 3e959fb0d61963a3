#include "engine/client/index_stream.hpp"

#include <algorithm>

namespace cwtch::client {
namespace {

Failure broken(const char* what) { return fail(Errc::corrupt, what); }

}  // namespace

Status IndexStream::received(ByteView bytes, Visitor& visitor) {
  while (!bytes.empty()) {
    // First a header, then what it promises. There is never a whole block in the buffer.
    size_t needed = log::kIndexHeaderBytes;
    if (buffer_.size() >= needed) needed = log::read_index_header(buffer_)->block_bytes();
    const size_t more = std::min(bytes.size(), needed - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(more));
    bytes = bytes.subspan(more);
    if (buffer_.size() < needed) return {};

    if (needed == log::kIndexHeaderBytes) {
      const auto header = log::read_index_header(buffer_);
      if (!header) return broken("server: its index is malformed");
      if (header->block_bytes() > kBlockBytesMax) return broken("server: its index has a block that is too long");
      if (header->block_bytes() > needed) continue;
    }
    if (const Status taken = take(buffer_, visitor); !taken) return taken;
    buffer_.clear();
  }
  return {};
}

Status IndexStream::take(ByteView bytes, Visitor& visitor) {
  const auto block = log::IndexBlock::parse(bytes);
  if (!block) return broken("server: its index is malformed");
  const log::IndexHeader& header = block->header();
  // One without records says that nothing is there. More of them would go on for ever.
  if (empty_ || (begun_ && header.records == 0)) return broken("server: its index has blocks of nothing");
  if (header.first.value != place_.position) return broken("server: its index has a gap");
  if (known_ && (header.first_row != known_->row || header.row_bytes != known_->row_bytes)) {
    return broken("server: its index numbers rows otherwise than before");
  }
  if (header.first.value == 0 && header.first_row != 0) return broken("server: its index has rows before the log");
  if (!begun_) first_.row = header.first_row;
  begun_ = true;
  empty_ = header.records == 0;
  place_ = {header.first.value + header.records, header.first_row + header.rows};
  known_ = Known{place_.row, header.row_bytes};
  block->for_each([&](const log::IndexEntry& entry) { visitor.entry(entry); });
  return visitor.block(place_, header.hour);
}

Status IndexStream::finish() const {
  if (!buffer_.empty()) return broken("server: its index ends inside a block");
  if (!begun_) return broken("server: its index is empty");
  return {};
}

}  // namespace cwtch::client
