#include "engine/log/reader_load.hpp"

#include "engine/log/frame.hpp"
#include "engine/log/mutant.hpp"

namespace cwtch::log {

namespace {

constexpr int kShortReadsMax = 64;  // without getting a block further; then the medium is to blame

}  // namespace

void ChunkLoad::start(io::Io& io, Owner& owner, std::shared_ptr<const Segment> segment,
                      std::shared_ptr<const Segment::End> end, size_t chunk, MutableBytes to) {
  CHECK(!in_flight());
  io_ = &io;
  owner_ = &owner;
  segment_ = std::move(segment);
  end_ = std::move(end);
  chunk_ = chunk;
  to_ = to;
  got_ = 0;
  shorts_ = 0;
  bytes_read = 0;
  CHECK(to.size() == place().bytes);
  read_start();
}

void ChunkLoad::read_start() {
  io_->read(read_, segment_->file.get(), to_.subspan(got_), file_offset() + got_,
            io::then<&ChunkLoad::read_done>(this));
}

void ChunkLoad::read_done(io::Read& read) {
  const Result<size_t> size = read.size();
  if (mutant(Mutant::read_error_as_data) && !size) return finish({});
  if (!size) return finish(fail(Error{size.error().code, size.error().sys, "segment: read", file_offset() + got_}));
  bytes_read += *size;
  if (*size == 0) return finish(fail(Errc::corrupt, "segment: file ends early", file_offset() + got_));
  if (*size < to_.size() - got_) {
    const size_t blocks = *size - *size % kBlockBytes;  // a direct read goes on at a block
    shorts_ = blocks == 0 ? shorts_ + 1 : 0;
    if (shorts_ == kShortReadsMax) return finish(fail(Errc::io, "segment: read stays short", file_offset() + got_));
    got_ += blocks;
    return read_start();
  }
  owner_->load_read(*this);
}

Status ChunkLoad::verified() const {
  const Result<ChunkEnd> found = verify_chunk(to_, place().first, place().chain);
  if (!found) return fail(Errc::corrupt, found.error().context, file_offset() + found.error().offset);
  const bool last = chunk_ + 1 == end_->table.size();
  const Position next = last ? segment_->end : end_->table[chunk_ + 1].first;
  const uint32_t chain = last ? segment_->chain_after : end_->table[chunk_ + 1].chain;
  if (found->next != next || found->chain != chain)
    return fail(Errc::corrupt, "segment: chunk does not lead to the next", file_offset());
  return {};
}

void ChunkLoad::finish(const Status& status) {
  Owner* const owner = std::exchange(owner_, nullptr);
  owner->load_done(*this, status);
  if (in_flight()) return;  // started anew from there
  segment_.reset();
  end_.reset();
}

}  // namespace cwtch::log
