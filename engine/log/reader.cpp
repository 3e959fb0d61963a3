#include "engine/log/reader.hpp"

#include <algorithm>

#include "engine/log/chunk_cache.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_reader.hpp"
#include "engine/log/reader_damage.hpp"
#include "engine/log/reader_load.hpp"
#include "engine/log/segment_file.hpp"

namespace cwtch::log {
namespace {

// What arrives in bursts is verified in portions: a small request would wait for all of it. A turn sends less.
constexpr size_t kVerifyBytesPerTurn = 512 * 1024;
constexpr uint64_t kStarvedRetryNs = 10 * kMillisecond;  // holds may have ended, though nothing has happened

using SegmentPointer = std::shared_ptr<const Segment>;
using EndPointer = std::shared_ptr<const Segment::End>;

class CachingReader final : public Reader, private ChunkLoad::Owner, private IndexReader::Owner {
 public:
  CachingReader(io::Io& io, io::Files& files, std::shared_ptr<Shared> shared, const Options& options)
      : io_(io),
        files_(files),
        shared_(std::move(shared)),
        options_(options),
        cache_(options.cache_bytes, shared_->chunk_bytes, options.hold_ns),
        loads_(std::make_unique<ChunkLoad[]>(cache_.size())),
        tail_index_(shared_->row_bytes),
        index_(io, files, shared_->row_bytes, options.index_cache_bytes, *this) {
    refresh();
  }
  ~CachingReader() override { CHECK(pinned_ == 0 && due_.empty() && starved_.empty() && idle()); }

  void populate() override;
  void stop_populating() override { stop_populating_.store(true, std::memory_order_relaxed); }
  void refresh() override;
  Shared::Committed committed() const override { return committed_; }
  Position first_retained() const override { return layout_->first_retained; }
  const Layout& layout() const override { return *layout_; }
  Result<uint64_t> boundary(Position position) const override;
  void find_boundary(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) override;
  void find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) override;
  Result<View> view(uint64_t offset, size_t size_max) override;
  void fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) override;
  void cancel(Fetch& fetch) override;
  const std::string& damaged_file() const override { return damaged_file_; }
  Result<View> view_file(const Segment& segment, uint64_t offset, size_t size_max) override;
  void fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                  void* owner) override;
  Result<IndexRange> index(Position from, IndexEnd end) override;
  void find_index(Fetch& fetch, Position from, void (*callback)(void*, Fetch&), void* owner) override;
  Result<View> view_index(uint64_t offset, size_t size_max) override;
  void fetch_index(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) override;
  Result<View> view_index_file(const Segment& segment, uint64_t offset, size_t size_max) override;
  void fetch_index_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                        void* owner) override;
  Statistics statistics() const override {
    Statistics s = statistics_;
    s.bytes_read += index_.bytes_read();
    s.index_mends = index_.mended();
    return s;
  }
  size_t pinned() const override { return pinned_; }
  bool idle() const override {
    return loads_in_flight_ == 0 && end_loads_.empty() && index_.idle() && !timer_.in_flight() &&
           !starved_timer_.in_flight() && !populating_.in_flight();
  }

 private:
  // A segment's table on its way into memory, by a worker.
  struct EndLoad {
    CachingReader* reader;
    SegmentPointer segment;
    Status status;
    io::Work work;
    List<Fetch> waiters;
    void run() {
      const auto end = read_end(reader->files_, *segment);
      if (!end) status = fail(end.error());
    }
    void done(io::Work&) { reader->end_load_done(*this); }
  };

  const SegmentPointer* segment_at(uint64_t offset) const;
  const SegmentPointer* segment_of(Position position) const;
  const SegmentPointer* segment_of_index(uint64_t offset) const;
  void populated(io::Work&) {}
  bool in_tail(uint64_t offset) const { return offset >= layout_->tail.front()->stream_offset; }

  View view_tail(uint64_t offset, size_t size_max) const;
  Result<View> view_chunk(const Segment& segment, uint64_t offset, size_t size_max);
  Failure damage(const DamageMemory::Entry& entry);
  Result<uint64_t> place_of(Position position);

  void begin(Fetch& fetch, void (*callback)(void*, Fetch&), void* owner);
  bool advance(Fetch& fetch);
  bool await_chunk(Fetch& fetch, const SegmentPointer& segment, uint64_t offset);
  void finish(Fetch& fetch);
  void wake(List<Fetch>& waiters);
  void call_soon();
  void called(io::Timer&);
  void starved_again(io::Timer&);
  void wake_starved();

  EndLoad& end_load(const SegmentPointer& segment);
  void end_load_done(EndLoad& load);
  ChunkLoad* load(const SegmentPointer& segment, const EndPointer& end, size_t chunk, ChunkCache::Why why);
  void load_read(ChunkLoad& load) override;
  void verify_some();
  void load_done(ChunkLoad& load, const Status& status) override;
  void index_wake(List<Fetch>& waiters) override { wake(waiters); }
  void read_ahead(uint64_t offset);
  void unpin(uint32_t slot) override;

  io::Io& io_;
  io::Files& files_;
  const std::shared_ptr<Shared> shared_;
  const Options options_;
  Shared::Committed committed_{};
  std::shared_ptr<const Layout> layout_;
  ChunkCache cache_;
  std::unique_ptr<ChunkLoad[]> loads_;  // one per slot
  size_t loads_in_flight_ = 0;
  List<ChunkLoad> unverified_;  // read, in the order of their arrival
  size_t verified_bytes_ = 0;   // in this turn
  std::vector<std::unique_ptr<EndLoad>> end_loads_;
  DamageMemory damages_;
  std::string damaged_file_;
  List<Fetch> due_;      // answered; called back by the timer
  List<Fetch> starved_;  // every slot was pinned, loading or held
  TailIndex tail_index_;
  IndexReader index_;
  io::Timer timer_;
  io::Timer starved_timer_;
  io::Work populating_;
  std::atomic<bool> stop_populating_{false};
  bool serving_starved_ = false;
  bool no_slot_ = false;  // the last one asked for found none
  size_t pinned_ = 0;
  Statistics statistics_;
};

// Index of the chunk that holds a stream offset.
size_t chunk_at(const std::vector<ChunkPlace>& table, uint64_t offset) {
  const auto after = std::upper_bound(table.begin(), table.end(), offset,
                                      [](uint64_t o, const ChunkPlace& place) { return o < place.offset; });
  CHECK(after != table.begin());
  return static_cast<size_t>(after - table.begin()) - 1;
}

// Walks frames that are known to be whole; the offset of the record, relative to `bytes`.
std::optional<size_t> offset_in(ByteView bytes, Position position) {
  for (size_t at = 0; at + sizeof(FrameHeader) <= bytes.size();) {
    const auto size_kind = load_le<uint32_t>(bytes.data() + at);
    if (size_kind >> 24 == static_cast<uint32_t>(FrameKind::record) &&
        load_le<uint64_t>(bytes.data() + at + 8) == position.value)
      return at;
    at += frame_bytes(size_kind & 0xFFFFFF);
  }
  return std::nullopt;
}

// ---- places ----

void CachingReader::populate() {
  io_.work(
      populating_,
      [](void* self) {
        const auto& reader = *static_cast<const CachingReader*>(self);
        reader.cache_.populate(reader.stop_populating_);
      },
      this, io::then<&CachingReader::populated>(this));
}

void CachingReader::refresh() {
  verified_bytes_ = 0;
  // In this order: a committed offset is published after the layout in which it lies.
  committed_ = shared_->committed();
  if (layout_ == nullptr || shared_->layout_version.load(std::memory_order_acquire) != layout_->version)
    layout_ = shared_->layout();
}

const SegmentPointer* CachingReader::segment_at(uint64_t offset) const {
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), offset,
                                      [](uint64_t o, const auto& segment) { return o < segment->stream_offset; });
  return after == segments.begin() ? nullptr : &*(after - 1);
}

const SegmentPointer* CachingReader::segment_of(Position position) const {
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), position,
                                      [](Position p, const auto& segment) { return p < segment->first; });
  return after == segments.begin() || position >= (*(after - 1))->end ? nullptr : &*(after - 1);
}

const SegmentPointer* CachingReader::segment_of_index(uint64_t offset) const {
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), offset,
                                      [](uint64_t o, const auto& segment) { return o < segment->index.offset; });
  return after == segments.begin() || offset >= (*(after - 1))->index.end() ? nullptr : &*(after - 1);
}

Result<uint64_t> CachingReader::boundary(Position position) const {
  if (position < layout_->first_retained) return fail(Errc::gone, "log: retention has removed this position");
  if (position == committed_.end) return committed_.offset;
  for (const auto& part : layout_->tail)
    if (part->first == position && position < committed_.end) return part->stream_offset;
  const SegmentPointer* const found = segment_of(position);
  if (found == nullptr) return fail(Errc::not_found, "log: not the start of a segment");
  const Segment& segment = **found;
  if (segment.first == position) return segment.stream_offset;
  const std::shared_ptr<const Segment::End> end = segment.known_end();
  if (end == nullptr) {
    if (const auto* const entry = damages_.table_of(segment, io_.now_ns())) return fail(entry->error);
    return fail(Errc::busy, "log: the segment's table is not read yet", segment.stream_offset);
  }
  const auto place = std::lower_bound(end->table.begin(), end->table.end(), position,
                                      [](const ChunkPlace& c, Position p) { return c.first < p; });
  if (place != end->table.end() && place->first == position && place->border) return place->offset;
  return fail(Errc::not_found, "log: not the start of a segment");
}

// ---- views ----

Result<View> CachingReader::view(uint64_t offset, size_t size_max) {
  if (offset >= committed_.offset) return View();
  size_max = std::min<uint64_t>(size_max, committed_.offset - offset);
  if (in_tail(offset)) return view_tail(offset, size_max);
  const SegmentPointer* const segment = segment_at(offset);
  if (segment == nullptr) return fail(Errc::gone, "log: retention has removed this part");
  return view_chunk(**segment, offset, size_max);
}

// REQUIRES: [offset, offset + size_max) is committed
View CachingReader::view_tail(uint64_t offset, size_t size_max) const {
  const auto& tail = layout_->tail;
  size_t part = tail.size() - 1;
  while (part > 0 && tail[part]->stream_offset > offset) --part;
  const TailSegment& segment = *tail[part];
  // What is committed lies in chunks that were published before; a later one may be there already.
  const uint32_t count = segment.chunks_count.load(std::memory_order_acquire);
  CHECK(count > 0);
  const TailSegment::Chunk* const chunks = segment.chunks.data();
  size_t chunk = count - 1;
  while (chunk > 0 && chunks[chunk].offset > offset) --chunk;
  uint64_t end = offset + size_max;
  if (chunk + 1 < count) end = std::min(end, chunks[chunk + 1].offset);
  if (part + 1 < tail.size()) end = std::min(end, tail[part + 1]->stream_offset);
  return make_view({chunks[chunk].memory.data() + (offset - chunks[chunk].offset), end - offset}, nullptr, 0,
                   tail[part]);
}

Result<View> CachingReader::view_chunk(const Segment& segment, uint64_t offset, size_t size_max) {
  if (ChunkCache::Slot* const slot = cache_.find(offset)) {
    if (slot->state != ChunkCache::State::ready) return fail(Errc::busy, "log: the chunk is on its way");
    slot->pins += 1;
    pinned_ += 1;
    const uint64_t end = slot->offset + slot->bytes, now = io_.now_ns();
    View view = make_view({cache_.memory(*slot) + (offset - slot->offset), std::min<uint64_t>(end - offset, size_max)},
                          this, cache_.index_of(*slot), nullptr);
    if (offset == slot->offset) {
      statistics_.hits += 1;
      cache_.leave(offset);
      cache_.arrive(*slot, now);
      read_ahead(end);
    } else {
      cache_.touch(*slot, now);
    }
    return view;
  }
  const uint64_t now = io_.now_ns();
  if (const auto* const entry = damages_.chunk_at(offset, now)) return damage(*entry);
  if (const auto* const entry = damages_.table_of(segment, now)) return damage(*entry);
  return fail(Errc::busy, "log: the chunk is not read yet");
}

Result<View> CachingReader::view_file(const Segment& segment, uint64_t offset, size_t size_max) {
  CHECK(offset < segment.file_bytes);
  if (offset < segment.stream_bytes) {
    size_max = std::min<uint64_t>(size_max, segment.stream_bytes - offset);
    return view_chunk(segment, segment.stream_offset + offset, size_max);
  }
  const EndPointer end = segment.known_end();
  if (end == nullptr) {
    if (const auto* const entry = damages_.table_of(segment, io_.now_ns())) return damage(*entry);
    return fail(Errc::busy, "log: the segment's table is not read yet");
  }
  return make_view(
      {end->bytes.data() + (offset - segment.stream_bytes), std::min<uint64_t>(segment.file_bytes - offset, size_max)},
      nullptr, 0, end);
}

// ---- the index stream ----

Result<Reader::IndexRange> CachingReader::index(Position from, IndexEnd end) {
  IndexRange range{};
  const Position tail_first = layout_->tail.front()->first;
  const Shared::Committed upto =
      end == IndexEnd::committed ? committed_ : Shared::Committed{tail_first, layout_->tail.front()->stream_offset};
  range.end = std::max(upto.end, tail_first);  // a layout may be newer than what is adopted as committed
  if (from < layout_->first_retained) return fail(Errc::gone, "log: retention has removed this position");
  if (from > range.end) return fail(Errc::not_found, "log: no such position yet");
  range.offset = range.sealed_end = layout_->segments.empty() ? 0 : layout_->segments.back()->index.end();
  if (from < tail_first) {
    const SegmentPointer* const segment = segment_of(from);
    CHECK(segment != nullptr);
    range.offset = (*segment)->index.offset;
    if ((*segment)->first != from) {
      const auto table = index_.table(**segment);
      if (!table) {
        damaged_file_ = (*segment)->index_path;
        return fail(table.error());
      }
      const auto& blocks = (*table)->blocks;
      const auto block = std::lower_bound(blocks.begin(), blocks.end(), from,
                                          [](const IndexTable::Block& b, Position p) { return b.first < p; });
      if (block == blocks.end() || block->first != from)
        return fail(Errc::not_found, "log: not the start of a segment");
      range.offset += block->offset;
    }
    from = tail_first;
    if (from == range.end) {  // the tail has nothing to add
      range.tail = std::make_shared<const Bytes>();
      return range;
    }
  } else if (from != range.end) {
    const auto& tail = layout_->tail;
    if (std::none_of(tail.begin(), tail.end(), [&](const auto& part) { return part->first == from; }))
      return fail(Errc::not_found, "log: not the start of a segment");
  }
  range.tail = tail_index_.blocks(*layout_, upto, from);
  if (range.tail == nullptr) return fail(Errc::no_space, "index: too many earlier answers are being sent");
  return range;
}

Result<View> CachingReader::view_index(uint64_t offset, size_t size_max) {
  const SegmentPointer* const segment = segment_of_index(offset);
  if (segment == nullptr) return fail(Errc::gone, "log: retention has removed this part");
  return view_index_file(**segment, offset - (*segment)->index.offset, size_max);
}

Result<View> CachingReader::view_index_file(const Segment& segment, uint64_t offset, size_t size_max) {
  CHECK(offset < segment.index.bytes);
  const auto piece = index_.piece(segment, offset);
  if (!piece) {
    damaged_file_ = segment.index_path;
    return fail(piece.error());
  }
  // A piece of a merged file may begin before `segment` and end behind it.
  const uint64_t skip = segment.index.offset + offset - (*piece)->offset;
  const uint64_t rest = std::min<uint64_t>((*piece)->bytes.size() - skip, segment.index.bytes - offset);
  return make_view(ByteView((*piece)->bytes).subspan(skip, std::min<uint64_t>(rest, size_max)), nullptr, 0, *piece);
}

Failure CachingReader::damage(const DamageMemory::Entry& entry) {
  damaged_file_ = entry.file;
  return fail(entry.error);
}

void CachingReader::unpin(uint32_t index) {
  ChunkCache::Slot& slot = cache_.slot(index);
  CHECK(slot.pins > 0);
  slot.pins -= 1;
  pinned_ -= 1;
  if (!starved_.empty()) call_soon();  // no callback runs inside a View's end
}

// ---- finding a position ----

// busy: the error's offset is the chunk that is missing.
Result<uint64_t> CachingReader::place_of(Position position) {
  if (position < layout_->first_retained) return fail(Errc::gone, "log: retention has removed this position");
  if (position >= committed_.end) return fail(Errc::not_found, "log: no such position yet");
  const auto& tail = layout_->tail;
  if (position >= tail.front()->first) {
    size_t part = tail.size() - 1;
    while (tail[part]->first > position) --part;
    const TailSegment& segment = *tail[part];
    size_t chunk = segment.chunks_count.load(std::memory_order_acquire) - 1;
    while (segment.chunks.data()[chunk].first > position) --chunk;
    const uint64_t start = segment.chunks.data()[chunk].offset;
    const View view = view_tail(start, committed_.offset - start);
    const std::optional<size_t> at = offset_in(view.bytes(), position);
    CHECK(at);
    return start + *at;
  }
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), position,
                                      [](Position p, const auto& segment) { return p < segment->first; });
  CHECK(after != segments.begin());
  const Segment& segment = **(after - 1);
  const EndPointer end = segment.known_end();
  if (end == nullptr) {
    if (const auto* const entry = damages_.table_of(segment, io_.now_ns())) return damage(*entry);
    return fail(Errc::busy, "log: the segment's table is not read yet", segment.stream_offset);
  }
  const auto behind = std::upper_bound(end->table.begin(), end->table.end(), position,
                                       [](Position p, const ChunkPlace& place) { return p < place.first; });
  if (behind == end->table.begin()) return fail(Errc::corrupt, "segment: table starts behind the segment");
  const uint64_t start = (behind - 1)->offset;
  ChunkCache::Slot* const slot = cache_.find(start);
  if (slot == nullptr) {
    if (const auto* const entry = damages_.chunk_at(start, io_.now_ns())) return damage(*entry);
  }
  if (slot == nullptr || slot->state != ChunkCache::State::ready)
    return fail(Errc::busy, "log: the chunk is on its way", start);
  cache_.touch(*slot, io_.now_ns());
  const std::optional<size_t> at = offset_in({cache_.memory(*slot), slot->bytes}, position);
  if (!at) return fail(Errc::corrupt, "segment: position is missing in its chunk");
  return start + *at;
}

// ---- waiting ----

void CachingReader::begin(Fetch& fetch, void (*callback)(void*, Fetch&), void* owner) {
  CHECK(!fetch.in_flight);
  fetch.callback = callback;
  fetch.owner = owner;
  fetch.in_flight = true;
  if (!advance(fetch)) return;
  // No callback from inside a call of ours: the next turn of the Io brings it.
  due_.push_back(fetch);
  call_soon();
}

void CachingReader::fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::chunk;
  fetch.at = offset;
  begin(fetch, callback, owner);
}

void CachingReader::fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                               void* owner) {
  fetch.what = Fetch::What::file;
  fetch.at = offset;
  fetch.segment = segment.shared_from_this();
  begin(fetch, callback, owner);
}

void CachingReader::find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::position;
  fetch.position = position;
  begin(fetch, callback, owner);
}

void CachingReader::find_boundary(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::boundary;
  fetch.position = position;
  begin(fetch, callback, owner);
}

void CachingReader::find_index(Fetch& fetch, Position from, void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::index_place;
  fetch.position = from;
  begin(fetch, callback, owner);
}

void CachingReader::fetch_index(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::index;
  fetch.at = offset;
  begin(fetch, callback, owner);
}

void CachingReader::fetch_index_file(Fetch& fetch, const Segment& segment, uint64_t offset,
                                     void (*callback)(void*, Fetch&), void* owner) {
  fetch.what = Fetch::What::index_file;
  fetch.at = offset;
  fetch.segment = segment.shared_from_this();
  begin(fetch, callback, owner);
}

void CachingReader::cancel(Fetch& fetch) {
  if (!fetch.in_flight) return;
  fetch.unlink();
  fetch.segment.reset();
  fetch.in_flight = false;
}

// True: answered. False: it waits for a table, for a chunk or for a slot.
bool CachingReader::advance(Fetch& fetch) {
  fetch.result = {};
  switch (fetch.what) {
    case Fetch::What::chunk: {
      // Not sealed, or not there any more: view() has the answer.
      const SegmentPointer* const segment = in_tail(fetch.at) ? nullptr : segment_at(fetch.at);
      return segment == nullptr || !await_chunk(fetch, *segment, fetch.at);
    }
    case Fetch::What::file: {
      const Segment& segment = *fetch.segment;
      if (fetch.at < segment.stream_bytes) return !await_chunk(fetch, fetch.segment, segment.stream_offset + fetch.at);
      if (segment.known_end() != nullptr || damages_.table_of(segment, io_.now_ns()) != nullptr) return true;
      end_load(fetch.segment).waiters.push_back(fetch);
      return false;
    }
    case Fetch::What::position: {
      const Result<uint64_t> place = place_of(fetch.position);
      if (place) {
        fetch.offset = *place;
        return true;
      }
      const uint64_t missing = place.error().offset;
      if (place.error().code == Errc::busy && await_chunk(fetch, *segment_at(missing), missing)) return false;
      fetch.result = fail(place.error());
      return true;
    }
    case Fetch::What::boundary: {
      const Result<uint64_t> place = boundary(fetch.position);
      if (!place && place.error().code == Errc::busy) {
        end_load(*segment_at(place.error().offset)).waiters.push_back(fetch);
        return false;
      }
      if (place)
        fetch.offset = *place;
      else
        fetch.result = fail(place.error());
      return true;
    }
    case Fetch::What::index: {
      const SegmentPointer* const segment = segment_of_index(fetch.at);
      return segment == nullptr || !index_.await_piece(fetch, *segment, fetch.at - (*segment)->index.offset);
    }
    case Fetch::What::index_file:
      return !index_.await_piece(fetch, fetch.segment, fetch.at);
    case Fetch::What::index_place: {
      const SegmentPointer* const segment = segment_of(fetch.position);
      return segment == nullptr || !index_.await_table(fetch, *segment);
    }
  }
  CHECK(false);
}

// False: there is nothing to wait for, the chunk is there or damaged.
bool CachingReader::await_chunk(Fetch& fetch, const SegmentPointer& segment, uint64_t offset) {
  if (ChunkCache::Slot* const slot = cache_.find(offset)) {
    if (slot->state == ChunkCache::State::ready) return false;
    loads_[cache_.index_of(*slot)].waiters.push_back(fetch);
    return true;
  }
  const uint64_t now = io_.now_ns();
  if (damages_.chunk_at(offset, now) != nullptr || damages_.table_of(*segment, now) != nullptr) return false;
  const EndPointer end = segment->known_end();
  if (end == nullptr) {
    end_load(segment).waiters.push_back(fetch);
    return true;
  }
  const size_t chunk = chunk_at(end->table, offset);
  const ChunkPlace& place = end->table[chunk];
  if (place.bytes > shared_->chunk_bytes) {
    const Error error{Errc::corrupt, 0, "segment: chunk larger than the log's", place.offset - segment->stream_offset};
    damages_.add_chunk(place, error, segment->path, now);
    return false;
  }
  if (offset == place.offset) cache_.leave(offset);  // the slot that it is done with may be the one it gets
  const bool queue = !starved_.empty() && !serving_starved_;
  ChunkLoad* const started = queue ? nullptr : load(segment, end, chunk, ChunkCache::Why::wanted);
  if (started == nullptr) {
    no_slot_ = !queue;
    starved_.push_back(fetch);
    if (queue) call_soon();
    if (!starved_timer_.in_flight())
      io_.timer(starved_timer_, kStarvedRetryNs, io::then<&CachingReader::starved_again>(this));
    return true;
  }
  statistics_.misses += 1;
  started->waiters.push_back(fetch);
  if (fetch.what != Fetch::What::position) read_ahead(place.offset + place.bytes);
  return true;
}

void CachingReader::call_soon() {
  if (!timer_.in_flight()) io_.timer(timer_, 0, io::then<&CachingReader::called>(this));
}

void CachingReader::called(io::Timer&) {
  verified_bytes_ = 0;  // also for whoever adopts nothing
  verify_some();
  List<Fetch> now;
  now.splice_back(due_);
  while (!now.empty()) finish(now.pop_front());
  wake_starved();
}

void CachingReader::finish(Fetch& fetch) {
  fetch.segment.reset();
  fetch.in_flight = false;
  fetch.callback(fetch.owner, fetch);
}

void CachingReader::wake(List<Fetch>& waiters) {
  List<Fetch> now;
  now.splice_back(waiters);
  while (!now.empty()) {
    Fetch& fetch = now.pop_front();
    if (advance(fetch)) finish(fetch);
  }
}

void CachingReader::starved_again(io::Timer&) { wake_starved(); }

// First come, first served: others queue behind while anybody waits.
void CachingReader::wake_starved() {
  while (!starved_.empty()) {
    Fetch& fetch = starved_.pop_front();
    no_slot_ = false;
    serving_starved_ = true;
    const bool answered = advance(fetch);
    serving_starved_ = false;
    if (no_slot_) {
      fetch.unlink();
      starved_.push_front(fetch);
      return;
    }
    if (answered) finish(fetch);
  }
}

// ---- loading ----

CachingReader::EndLoad& CachingReader::end_load(const SegmentPointer& segment) {
  for (const auto& known : end_loads_)
    if (known->segment == segment) return *known;
  end_loads_.push_back(std::make_unique<EndLoad>());
  EndLoad& started = *end_loads_.back();
  started.reader = this;
  started.segment = segment;
  io_.work(
      started.work, [](void* self) { static_cast<EndLoad*>(self)->run(); }, &started,
      io::then<&EndLoad::done>(&started));
  return started;
}

void CachingReader::end_load_done(EndLoad& load) {
  const auto at = std::find_if(end_loads_.begin(), end_loads_.end(), [&](const auto& l) { return l.get() == &load; });
  const std::unique_ptr<EndLoad> taken = std::move(*at);
  end_loads_.erase(at);
  if (!taken->status) {
    damages_.add_table(*taken->segment, taken->status.error(), io_.now_ns());
    statistics_.corrupt_chunks += 1;
  }
  wake(taken->waiters);
}

// nullptr: no slot.
ChunkLoad* CachingReader::load(const SegmentPointer& segment, const EndPointer& end, size_t chunk,
                               ChunkCache::Why why) {
  const ChunkPlace& place = end->table[chunk];
  ChunkCache::Slot* const slot = cache_.claim(place.offset, place.bytes, why, io_.now_ns());
  if (slot == nullptr) return nullptr;
  ChunkLoad& started = loads_[cache_.index_of(*slot)];
  started.slot = slot;
  loads_in_flight_ += 1;
  started.start(io_, *this, segment, end, chunk, {cache_.memory(*slot), place.bytes});
  return &started;
}

void CachingReader::load_read(ChunkLoad& load) {
  unverified_.push_back(load);
  if (!timer_.in_flight()) verify_some();  // else it goes on there, after this turn's completions
}

void CachingReader::verify_some() {
  while (!unverified_.empty() && verified_bytes_ < kVerifyBytesPerTurn) {
    ChunkLoad& load = unverified_.pop_front();
    verified_bytes_ += load.place().bytes;
    load.verify();
  }
  if (!unverified_.empty()) call_soon();
}

void CachingReader::load_done(ChunkLoad& load, const Status& status) {
  loads_in_flight_ -= 1;
  statistics_.bytes_read += load.bytes_read;
  if (status) {
    cache_.loaded(*load.slot, io_.now_ns());
  } else {
    cache_.drop(*load.slot);
    damages_.add_chunk(load.place(), status.error(), load.segment().path, io_.now_ns());
    statistics_.corrupt_chunks += 1;
  }
  wake(load.waiters);
  if (!starved_.empty()) call_soon();
}

// Keeps the next chunks from `offset` on their way, into the next segment if need be.
void CachingReader::read_ahead(uint64_t offset) {
  for (uint32_t i = 0; i < options_.read_ahead_chunks; ++i) {
    if (in_tail(offset)) return;
    if (const ChunkCache::Slot* const slot = cache_.find(offset)) {
      offset = slot->offset + slot->bytes;
      continue;
    }
    const SegmentPointer* const segment = segment_at(offset);
    if (segment == nullptr) return;
    const uint64_t now = io_.now_ns();
    if (damages_.table_of(**segment, now) != nullptr || damages_.chunk_at(offset, now) != nullptr) return;
    const EndPointer end = (*segment)->known_end();
    if (end == nullptr) {
      end_load(*segment);
      return;
    }
    const size_t chunk = chunk_at(end->table, offset);
    const ChunkPlace& place = end->table[chunk];
    if (place.bytes > shared_->chunk_bytes || load(*segment, end, chunk, ChunkCache::Why::read_ahead) == nullptr)
      return;
    statistics_.reads_ahead += 1;
    offset = place.offset + place.bytes;
  }
}

}  // namespace

// ---- View ----

View::View(View&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})),
      reader_(std::exchange(other.reader_, nullptr)),
      slot_(other.slot_),
      keeps_(std::move(other.keeps_)) {}

View& View::operator=(View&& other) noexcept {
  if (this != &other) {
    reset();
    bytes_ = std::exchange(other.bytes_, {});
    reader_ = std::exchange(other.reader_, nullptr);
    slot_ = other.slot_;
    keeps_ = std::move(other.keeps_);
  }
  return *this;
}

void View::reset() {
  bytes_ = {};
  keeps_.reset();
  if (reader_ != nullptr) std::exchange(reader_, nullptr)->unpin(slot_);
}

View Reader::make_view(ByteView bytes, Reader* reader, uint32_t slot, std::shared_ptr<const void> keeps) {
  View view;
  view.bytes_ = bytes;
  view.reader_ = reader;
  view.slot_ = slot;
  view.keeps_ = std::move(keeps);
  return view;
}

std::unique_ptr<Reader> Reader::make(io::Io& io, io::Files& files, std::shared_ptr<Shared> shared,
                                     const Options& options) {
  return std::make_unique<CachingReader>(io, files, std::move(shared), options);
}

}  // namespace cwtch::log
