#include "engine/log/tail.hpp"

#include "engine/core/clock.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::log {

Tail::Tail(const Options& options, Position next, uint64_t stream_offset, uint32_t chain, uint64_t row)
    : options_(options), next_(next), stream_end_(stream_offset), chain_(chain), row_(row) {
  const size_t records_per_chunk = (options.chunk_bytes - kAnchorBytes) / kRecordFrameBytesMax;
  CHECK(records_per_chunk > 0);
  chunks_max_ = (options.seal_records + records_per_chunk - 1) / records_per_chunk;
  open_part();
}

void Tail::open_part() {
  TailPart part;
  part.segment = std::make_shared<TailSegment>();
  part.segment->first = next_;
  part.segment->stream_offset = stream_end_;
  part.segment->chain_before = chain_;
  part.segment->first_row = row_;
  part.segment->chunks.reserve(chunks_max_);
  parts_.push_back(std::move(part));
  chunk_used_ = 0;
}

void Tail::open_chunk() {
  TailSegment& segment = *parts_.back().segment;
  CHECK(segment.chunks.size() < segment.chunks.capacity());  // readers rely on chunks not moving
  segment.chunks.push_back({next_, stream_end_, AlignedMemory(options_.chunk_bytes)});
  chunk_used_ = 0;
  const size_t size = write_anchor(chunk_rest(), next_, chain_);
  chunk_used_ += size;
  stream_end_ += size;
  // Published before any committed offset that lies in it.
  segment.chunks_count.store(static_cast<uint32_t>(segment.chunks.size()), std::memory_order_release);
}

MutableBytes Tail::chunk_rest() {
  return parts_.back().segment->chunks.back().memory.bytes().first(options_.chunk_bytes).subspan(chunk_used_);
}

void Tail::fill_chunk(size_t end) {
  if (end > chunk_used_) write_filler(chunk_rest(), next_, end - chunk_used_);
  stream_end_ += end - chunk_used_;
  chunk_used_ = 0;
}

ByteView Tail::append(ByteView record, const std::array<Key, 2>& keys) {
  CHECK(!full());
  TailPart& part = parts_.back();
  const size_t size = frame_bytes(record.size());
  if (chunk_used_ != 0 && chunk_used_ + size > options_.chunk_bytes) fill_chunk(options_.chunk_bytes);
  if (chunk_used_ == 0) open_chunk();
  part.offsets.push_back(stream_end_);
  part.keys.insert(part.keys.end(), keys.begin(), keys.end());
  const MutableBytes to = chunk_rest().first(size);
  CHECK(write_record(to, next_, record, &chain_) == size);
  chunk_used_ += size;
  stream_end_ += size;
  next_.value += 1;
  row_ += rows_of(record.size(), options_.row_bytes);
  return to;
}

bool Tail::close(uint64_t hour_s) {
  TailPart& part = parts_.back();
  if (part.records_count() == 0) return false;
  if (chunk_used_ != 0) fill_chunk(round_up(chunk_used_, kBlockBytes));
  part.closed = true;
  part.end = next_;
  part.stream_end = stream_end_;
  part.chain_after = chain_;
  part.hour_s = hour_s;
  part.segment->hour.store(static_cast<uint32_t>(hour_s / kHourSeconds), std::memory_order_relaxed);
  open_part();
  return true;
}

ByteView Tail::record(Position position) const {
  for (const TailPart& part : parts_) {
    const uint64_t index = position.value - part.segment->first.value;
    if (position < part.segment->first || index >= part.offsets.size()) continue;
    const uint64_t offset = part.offsets[index];
    size_t chunk = part.segment->chunks.size() - 1;
    while (part.segment->chunks[chunk].offset > offset) --chunk;
    const TailSegment::Chunk& place = part.segment->chunks[chunk];
    const uint8_t* const frame = place.memory.data() + (offset - place.offset);
    return {frame + sizeof(FrameHeader), load_le<uint32_t>(frame) & 0xFFFFFF};
  }
  CHECK(false);
}

}  // namespace cwtch::log
