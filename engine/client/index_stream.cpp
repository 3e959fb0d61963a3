#include "engine/client/index_stream.hpp"

namespace cwtch::client {
namespace {

Failure broken(const char* what) { return fail(Errc::corrupt, what); }

}  // namespace

Status IndexStream::received(ByteView bytes, const std::function<void(const log::IndexEntry& entry)>& visit) {
  while (!bytes.empty() || buffer_.size() >= log::kIndexHeaderBytes) {
    // First a header, then what it promises.
    size_t needed = log::kIndexHeaderBytes;
    if (buffer_.size() >= needed) {
      const auto header = log::read_index_header(buffer_);
      if (!header) return broken("server: its index is malformed");
      if (header->block_bytes() > kBlockBytesMax) return broken("server: its index has a block that is too long");
      needed = header->block_bytes();
      if (buffer_.size() == needed) {
        if (const Status taken = take(buffer_, visit); !taken) return taken;
        buffer_.clear();
        continue;
      }
    }
    if (bytes.empty()) return {};
    const size_t more = std::min(bytes.size(), needed - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(more));
    bytes = bytes.subspan(more);
  }
  return {};
}

Status IndexStream::take(ByteView bytes, const std::function<void(const log::IndexEntry& entry)>& visit) {
  const auto block = log::IndexBlock::parse(bytes);
  if (!block) return broken("server: its index is malformed");
  const log::IndexHeader& header = block->header();
  if (place_ && (header.first.value != place_->position || header.first_row != place_->row ||
                 header.row_bytes != place_->row_bytes)) {
    return broken("server: its index has a gap");
  }
  place_ = {header.first.value + header.records, header.first_row + header.rows, header.row_bytes};
  block->for_each(visit);
  return {};
}

Status IndexStream::finish() const {
  if (!buffer_.empty()) return broken("server: its index ends inside a block");
  return {};
}

}  // namespace cwtch::client
