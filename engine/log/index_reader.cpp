#include "engine/log/index_reader.hpp"

#include <algorithm>

#include "engine/log/frame.hpp"

namespace cwtch::log {

// ---- the tail ----

IndexBlockBuilder TailIndex::block_of(const Layout& layout, size_t part, uint64_t committed_offset, bool whole) const {
  const TailSegment& segment = *layout.tail[part];
  uint64_t end = committed_offset;  // between two frames
  if (part + 1 < layout.tail.size()) end = std::min(end, layout.tail[part + 1]->stream_offset);
  const uint32_t hour = whole ? segment.hour.load(std::memory_order_relaxed) : 0;
  IndexBlockBuilder builder(segment.first, segment.first_row, row_bytes_, hour);
  // What is committed lies in chunks that were published before; a later one may be there already.
  const uint32_t count = segment.chunks_count.load(std::memory_order_acquire);
  const TailSegment::Chunk* const chunks = segment.chunks.data();
  for (size_t i = 0; i < count && chunks[i].offset < end; ++i) {
    const uint64_t bytes = (i + 1 < count ? std::min(end, chunks[i + 1].offset) : end) - chunks[i].offset;
    for (uint64_t at = 0; at < bytes;) {
      const uint8_t* const frame = chunks[i].memory.data() + at;
      const auto size_kind = load_le<uint32_t>(frame);
      const uint32_t size = size_kind & 0xFFFFFF;
      if (size_kind >> 24 == static_cast<uint32_t>(FrameKind::record)) builder.add({frame + sizeof(FrameHeader), size});
      at += frame_bytes(size);
    }
  }
  return builder;
}

bool TailIndex::room(size_t bytes) {
  size_t alive = bytes;
  std::erase_if(alive_, [&](const std::weak_ptr<const Bytes>& weak) {
    const auto held = weak.lock();
    if (held != nullptr) alive += held->size();
    return held == nullptr;
  });
  return alive <= kAliveBytesMax || alive_.empty();
}

std::shared_ptr<const Bytes> TailIndex::blocks(const Layout& layout, Shared::Committed committed, Position from) {
  const auto& tail = layout.tail;
  const Position end = std::max(committed.end, tail.front()->first);
  // What lies between two positions never changes, also where it is divided: a part keeps its borders. Only that the
  // last part is closed may be seen later.
  if (last_ != nullptr && last_from_ == from && last_end_ == end) return last_;
  last_ = nullptr;

  Bytes bytes;
  for (size_t i = 0; i < tail.size() && tail[i]->first <= end; ++i) {
    const bool holds_end = i + 1 == tail.size() || tail[i + 1]->first > end;
    if (from == end ? !holds_end : tail[i]->first < from) continue;
    const IndexBlockBuilder builder = block_of(layout, i, committed.offset, !holds_end);
    if (holds_end) CHECK(tail[i]->first.value + builder.records() == end.value);
    if (from == end) {
      bytes = IndexBlockBuilder(end, tail[i]->first_row + builder.rows(), row_bytes_).bytes();
    } else if (builder.records() > 0) {
      const Bytes block = builder.bytes();
      bytes.insert(bytes.end(), block.begin(), block.end());
    }
  }
  if (!room(bytes.size())) return nullptr;
  last_ = std::make_shared<const Bytes>(std::move(bytes));
  last_from_ = from;
  last_end_ = end;
  alive_.push_back(last_);
  return last_;
}

// ---- sealed segments ----

Result<std::shared_ptr<const IndexTable>> IndexReader::table(const Segment& segment) const {
  if (auto known = segment.known_index()) return known;
  if (const auto* const entry = damages_.index_of(segment, io_.now_ns())) return fail(entry->error);
  return fail(Errc::busy, "index: the file is not read yet");
}

Result<std::shared_ptr<const IndexPiece>> IndexReader::piece(const Segment& segment, uint64_t offset) {
  const uint64_t at = segment.index.offset + offset;
  auto found = kept_.upper_bound(at);
  if (found != kept_.begin()) {
    --found;
    Kept& kept = *found->second;
    if (at - kept.piece->offset < kept.piece->bytes.size()) {
      kept.unlink();
      order_.push_back(kept);
      return kept.piece;
    }
  }
  if (const auto* const entry = damages_.index_of(segment, io_.now_ns())) return fail(entry->error);
  return fail(Errc::busy, "index: the piece is not read yet");
}

bool IndexReader::await_table(Fetch& fetch, const SegmentPointer& segment) {
  const auto known = table(*segment);
  if (known || known.error().code != Errc::busy) return false;
  return await(fetch, segment, false, 0);
}

bool IndexReader::await_piece(Fetch& fetch, const SegmentPointer& segment, uint64_t offset) {
  const auto known = piece(*segment, offset);
  if (known || known.error().code != Errc::busy) return false;
  // Two that want the same piece ask with the same offset once the table is known.
  const auto read = table(*segment);
  if (!read) return await(fetch, segment, false, 0);
  const auto after = std::upper_bound((*read)->pieces.begin(), (*read)->pieces.end(), offset);
  return await(fetch, segment, true, *(after - 1));
}

bool IndexReader::await(Fetch& fetch, const SegmentPointer& segment, bool wants_piece, uint64_t offset) {
  for (const auto& known : loads_) {
    if (known->segment != segment || known->wants_piece != wants_piece || known->offset != offset) continue;
    known->waiters.push_back(fetch);
    return true;
  }
  if (loads_.size() == kLoadsMax) {
    waiting_.push_back(fetch);
    return true;
  }
  loads_.push_back(std::make_unique<Load>());
  Load& load = *loads_.back();
  load.reader = this;
  load.segment = segment;
  load.wants_piece = wants_piece;
  load.offset = offset;
  load.waiters.push_back(fetch);
  io_.work(
      load.work, [](void* self) { static_cast<Load*>(self)->run(); }, &load, io::then<&Load::done>(&load));
  return true;
}

void IndexReader::Load::run() {
  const uint32_t before = segment->index_mends.load(std::memory_order_relaxed);
  if (wants_piece) {
    const auto got = read_index_piece(reader->files_, *segment, reader->row_bytes_, offset);
    if (got) piece = *got;
    if (!got) status = fail(got.error());
  } else if (const auto read = read_index(reader->files_, *segment, reader->row_bytes_); !read) {
    status = fail(read.error());
  }
  mends = segment->index_mends.load(std::memory_order_relaxed) - before;
}

void IndexReader::load_done(Load& load) {
  const auto at = std::find_if(loads_.begin(), loads_.end(), [&](const auto& l) { return l.get() == &load; });
  const std::unique_ptr<Load> taken = std::move(*at);
  loads_.erase(at);
  if (!taken->status) {
    Error error = taken->status.error();
    if (error.code == Errc::busy) error.code = Errc::io;  // of the kernel: here the word means to wait
    damages_.add_index(*taken->segment, error, io_.now_ns());
  }
  if (taken->status) mended_ += taken->mends;
  if (taken->piece != nullptr) {
    bytes_read_ += taken->piece->bytes.size();
    keep(taken->piece);
  }
  owner_.index_wake(taken->waiters);
  if (waiting_.empty()) return;
  List<Fetch> now;
  now.splice_back(waiting_);  // those that find no place are back in it afterwards, in their order
  owner_.index_wake(now);
}

void IndexReader::drop(std::map<uint64_t, std::unique_ptr<Kept>>::iterator at) {
  kept_bytes_ -= at->second->piece->bytes.size();
  kept_.erase(at);
}

// Merging segments makes larger pieces of the same bytes: older ones within them go.
void IndexReader::keep(std::shared_ptr<const IndexPiece> piece) {
  const uint64_t start = piece->offset, end = start + piece->bytes.size();
  auto at = kept_.upper_bound(start);
  if (at != kept_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second->piece->bytes.size() > start) at = before;
  }
  while (at != kept_.end() && at->first < end) drop(at++);
  auto kept = std::make_unique<Kept>();
  kept_bytes_ += piece->bytes.size();
  kept->piece = std::move(piece);
  order_.push_back(*kept);
  kept_[start] = std::move(kept);
  while (kept_bytes_ > cache_bytes_ && kept_.size() > 1) drop(kept_.find(order_.front().piece->offset));
}

}  // namespace cwtch::log
