#include "engine/log/reader.hpp"

#include <algorithm>

#include "engine/log/chunk_cache.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/mutant.hpp"
#include "engine/log/segment_file.hpp"

namespace cwtch::log {
namespace {

constexpr uint64_t kFailureRememberedNs = kSecond;  // a damaged chunk is read again after this

class CachingReader final : public Reader {
 public:
  CachingReader(io::Io& io, io::Files& files, std::shared_ptr<Shared> shared, const Options& options)
      : io_(io),
        files_(files),
        shared_(std::move(shared)),
        options_(options),
        cache_(options.cache_bytes, shared_->chunk_bytes) {
    refresh();
  }
  ~CachingReader() override { CHECK(pinned_ == 0 && starved_.empty()); }

  void refresh() override {
    // In this order: a committed offset is published after the layout in which it lies.
    committed_ = shared_->committed();
    if (layout_ == nullptr || shared_->layout_version.load(std::memory_order_acquire) != layout_->version)
      layout_ = shared_->layout();
    wake_starved();
  }
  Shared::Committed committed() const override { return committed_; }
  Position first_retained() const override { return layout_->first_retained; }
  const Layout& layout() const override { return *layout_; }
  Result<uint64_t> boundary(Position position) const override;
  void find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) override;
  Result<View> view(uint64_t offset, size_t size_max) override;
  void fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) override;
  void cancel(Fetch& fetch) override;
  const std::string& damaged_file() const override { return damaged_file_; }
  Result<View> view_file(const Segment& segment, uint64_t offset, size_t size_max) override;
  void fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                  void* owner) override;
  Statistics statistics() const override { return statistics_; }
  size_t pinned() const override { return pinned_; }
  bool idle() const override { return loads_.empty() && end_loads_.empty(); }

 private:
  // A chunk on its way into a slot.
  struct Load {
    CachingReader* reader;
    std::shared_ptr<const Segment> segment;
    std::shared_ptr<const Segment::End> end;
    size_t chunk;
    uint32_t slot;
    size_t got = 0;
    io::Read read;
    List<Fetch> waiters;
    void done(io::Read& operation) { reader->load_done(*this, operation); }
  };
  // A segment's table on its way into memory.
  struct EndLoad {
    CachingReader* reader;
    std::shared_ptr<const Segment> segment;
    Status status;
    io::Work work;
    List<Fetch> waiters;
    void done(io::Work&) { reader->end_load_done(*this); }
  };

  const std::shared_ptr<const Segment>* segment_at(uint64_t offset) const;
  View view_tail(uint64_t offset, size_t size_max) const;
  Result<View> view_segment(const Segment& segment, uint64_t offset, size_t size_max);
  void fetch_start(Fetch& fetch, uint64_t offset);
  void fetch_from(Fetch& fetch, const std::shared_ptr<const Segment>& segment, uint64_t offset);
  void end_load(Fetch& fetch, const std::shared_ptr<const Segment>& segment);
  Load* load_start(const std::shared_ptr<const Segment>& segment, const std::shared_ptr<const Segment::End>& end,
                   size_t chunk);
  void load_continue(Load& load);
  void load_done(Load& load, io::Read& operation);
  void load_finish(Load& load, const Status& status);
  void end_load_done(EndLoad& load);
  void read_ahead(const Segment& segment, const std::shared_ptr<const Segment::End>& end, size_t chunk);
  Result<uint64_t> try_find(Position position);
  void finish(Fetch& fetch, const Status& result);
  void wake_all(List<Fetch>& waiters);
  void wake_starved();
  void unpin(uint32_t slot) override;

  io::Io& io_;
  io::Files& files_;
  const std::shared_ptr<Shared> shared_;
  const Options options_;
  Shared::Committed committed_{};
  std::shared_ptr<const Layout> layout_;
  ChunkCache cache_;
  std::vector<std::unique_ptr<Load>> loads_;
  std::vector<std::unique_ptr<EndLoad>> end_loads_;
  List<Fetch> starved_;  // every slot was pinned or loading
  size_t pinned_ = 0;
  std::string damaged_file_;
  Statistics statistics_;
};

// Index of the chunk that holds a stream offset.
size_t chunk_at(const std::vector<ChunkPlace>& table, uint64_t offset) {
  const auto after = std::upper_bound(table.begin(), table.end(), offset,
                                      [](uint64_t o, const ChunkPlace& place) { return o < place.offset; });
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

const std::shared_ptr<const Segment>* CachingReader::segment_at(uint64_t offset) const {
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), offset,
                                      [](uint64_t o, const auto& segment) { return o < segment->stream_offset; });
  return after == segments.begin() ? nullptr : &*(after - 1);
}

Result<uint64_t> CachingReader::boundary(Position position) const {
  if (position < layout_->first_retained) return fail(Errc::gone, "log: retention has removed this position");
  if (position == committed_.end) return committed_.offset;
  for (const auto& part : layout_->tail)
    if (part->first == position) return part->stream_offset;
  const auto& segments = layout_->segments;
  const auto at = std::lower_bound(segments.begin(), segments.end(), position,
                                   [](const auto& segment, Position p) { return segment->first < p; });
  if (at != segments.end() && (*at)->first == position) return (*at)->stream_offset;
  return fail(Errc::not_found, "log: not the start of a segment");
}

View CachingReader::view_tail(uint64_t offset, size_t size_max) const {
  const auto& tail = layout_->tail;
  size_t part = tail.size() - 1;
  while (part > 0 && tail[part]->stream_offset > offset) --part;
  const TailSegment& segment = *tail[part];
  const uint32_t count = segment.chunks_count.load(std::memory_order_acquire);
  const TailSegment::Chunk* const chunks = segment.chunks.data();
  size_t chunk = count - 1;
  while (chunk > 0 && chunks[chunk].offset > offset) --chunk;
  uint64_t end = committed_.offset;
  if (chunk + 1 < count) end = std::min(end, chunks[chunk + 1].offset);
  if (part + 1 < tail.size()) end = std::min(end, tail[part + 1]->stream_offset);
  return make_view(
      {chunks[chunk].memory.data() + (offset - chunks[chunk].offset), std::min<uint64_t>(end - offset, size_max)},
      nullptr, 0, tail[part]);
}

Result<View> CachingReader::view(uint64_t offset, size_t size_max) {
  if (offset >= committed_.offset) {
    CHECK(offset == committed_.offset);
    return View();
  }
  if (offset >= layout_->tail.front()->stream_offset) return view_tail(offset, size_max);
  const std::shared_ptr<const Segment>* const segment = segment_at(offset);
  if (segment == nullptr) return fail(Errc::gone, "log: retention has removed this part");
  return view_segment(**segment, offset, size_max);
}

Result<View> CachingReader::view_segment(const Segment& segment, uint64_t offset, size_t size_max) {
  const std::shared_ptr<const Segment::End> end = segment.known_end();
  if (end == nullptr) return fail(Errc::busy, "log: the segment's table is not read yet");
  const size_t chunk = chunk_at(end->table, offset);
  const ChunkPlace& place = end->table[chunk];
  const uint32_t index = cache_.find(place.offset);
  if (index == UINT32_MAX) return fail(Errc::busy, "log: the chunk is not read yet");
  ChunkCache::Slot& slot = cache_.slot(index);
  if (slot.state == ChunkCache::State::failed) {
    if (slot.pins == 0 && io_.now_ns() - slot.failed_at_ns > kFailureRememberedNs) {
      cache_.drop(index);
      return fail(Errc::busy, "log: the chunk is read again");
    }
    damaged_file_ = slot.file;
    return fail(slot.error);
  }
  if (slot.state != ChunkCache::State::ready) return fail(Errc::busy, "log: the chunk is on its way");
  if (offset == place.offset) {
    statistics_.hits += 1;
    cache_.promote(index);
    read_ahead(segment, end, chunk);
  }
  slot.pins += 1;
  pinned_ += 1;
  return make_view({cache_.memory(index) + (offset - place.offset),
                    std::min<uint64_t>(place.offset + slot.bytes - offset, size_max)},
                   this, index, nullptr);
}

Result<View> CachingReader::view_file(const Segment& segment, uint64_t offset, size_t size_max) {
  CHECK(offset < segment.file_bytes);
  if (offset < segment.stream_bytes) return view_segment(segment, segment.stream_offset + offset, size_max);
  const std::shared_ptr<const Segment::End> end = segment.known_end();
  if (end == nullptr) return fail(Errc::busy, "log: the segment's table is not read yet");
  const uint64_t at = offset - segment.stream_bytes;
  return make_view({end->bytes.data() + at, std::min<uint64_t>(segment.file_bytes - offset, size_max)}, nullptr, 0,
                   end);
}

// ---- waiting ----

void CachingReader::finish(Fetch& fetch, const Status& result) {
  fetch.in_flight = false;
  fetch.result = result;
  fetch.callback(fetch.owner, fetch);
}

void CachingReader::fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) {
  CHECK(!fetch.in_flight);
  fetch.callback = callback;
  fetch.owner = owner;
  fetch.in_flight = true;
  fetch.finding = false;
  fetch_start(fetch, offset);
}

void CachingReader::fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                               void* owner) {
  CHECK(!fetch.in_flight);
  fetch.callback = callback;
  fetch.owner = owner;
  fetch.in_flight = true;
  fetch.finding = false;
  for (const auto& known : layout_->segments) {
    if (known.get() == &segment)
      return fetch_from(fetch, known, segment.stream_offset + std::min(offset, segment.stream_bytes - 1));
  }
  // Merged or retired meanwhile: its chunks may still be had under their offsets.
  fetch_start(fetch, segment.stream_offset + std::min(offset, segment.stream_bytes - 1));
}

void CachingReader::fetch_start(Fetch& fetch, uint64_t offset) {
  const bool in_memory = offset >= layout_->tail.front()->stream_offset;
  const std::shared_ptr<const Segment>* const segment = in_memory ? nullptr : segment_at(offset);
  if (segment == nullptr) return finish(fetch, {});  // view() has the answer
  fetch_from(fetch, *segment, offset);
}

void CachingReader::fetch_from(Fetch& fetch, const std::shared_ptr<const Segment>& segment, uint64_t offset) {
  const std::shared_ptr<const Segment::End> end = segment->known_end();
  if (end == nullptr) return end_load(fetch, segment);
  const size_t chunk = chunk_at(end->table, offset);
  const uint32_t index = cache_.find(end->table[chunk].offset);
  if (index != UINT32_MAX && cache_.slot(index).state != ChunkCache::State::loading) return finish(fetch, {});
  Load* load = nullptr;
  if (index != UINT32_MAX) {
    for (const auto& known : loads_)
      if (known->slot == index) load = known.get();
  } else {
    statistics_.misses += 1;
    load = load_start(segment, end, chunk);
  }
  if (load == nullptr) {
    starved_.push_back(fetch);
    return;
  }
  load->waiters.push_back(fetch);
}

void CachingReader::end_load(Fetch& fetch, const std::shared_ptr<const Segment>& segment) {
  for (const auto& load : end_loads_) {
    if (load->segment == segment) return load->waiters.push_back(fetch);
  }
  auto load = std::make_unique<EndLoad>();
  load->reader = this;
  load->segment = segment;
  load->waiters.push_back(fetch);
  EndLoad* const started = load.get();
  end_loads_.push_back(std::move(load));
  const auto function = [](void* argument) {
    auto& l = *static_cast<EndLoad*>(argument);
    const auto end = read_end(l.reader->files_, *l.segment);
    l.status = end ? Status() : Status(fail(end.error()));
  };
  io_.work(started->work, function, started, io::then<&EndLoad::done>(started));
}

void CachingReader::end_load_done(EndLoad& load) {
  const auto at = std::find_if(end_loads_.begin(), end_loads_.end(), [&](const auto& l) { return l.get() == &load; });
  const std::unique_ptr<EndLoad> taken = std::move(*at);
  end_loads_.erase(at);
  if (!taken->status) {
    damaged_file_ = taken->segment->path;
    statistics_.corrupt_chunks += 1;
  }
  List<Fetch> waiters;
  waiters.splice_back(taken->waiters);
  while (!waiters.empty()) {
    Fetch& fetch = waiters.pop_front();
    if (taken->status && fetch.finding) {
      find(fetch, fetch.wanted, fetch.callback, fetch.owner);
    } else {
      finish(fetch, taken->status);
    }
  }
}

void CachingReader::cancel(Fetch& fetch) {
  if (!fetch.in_flight) return;
  fetch.unlink();
  fetch.in_flight = false;
}

void CachingReader::wake_all(List<Fetch>& waiters) {
  List<Fetch> now;
  now.splice_back(waiters);
  while (!now.empty()) {
    Fetch& fetch = now.pop_front();
    if (fetch.finding) {
      fetch.in_flight = false;
      find(fetch, fetch.wanted, fetch.callback, fetch.owner);
    } else {
      finish(fetch, {});
    }
  }
}

void CachingReader::wake_starved() {
  if (!starved_.empty()) wake_all(starved_);
}

void CachingReader::unpin(uint32_t index) {
  CHECK(cache_.slot(index).pins > 0);
  cache_.slot(index).pins -= 1;
  pinned_ -= 1;  // whoever is starved is asked again by refresh(): no callback runs inside a View's end
}

// ---- loading ----

CachingReader::Load* CachingReader::load_start(const std::shared_ptr<const Segment>& segment,
                                               const std::shared_ptr<const Segment::End>& end, size_t chunk) {
  const ChunkPlace& place = end->table[chunk];
  const uint32_t index = cache_.claim(place.offset);
  if (index == UINT32_MAX) return nullptr;
  auto load = std::make_unique<Load>();
  load->reader = this;
  load->segment = segment;
  load->end = end;
  load->chunk = chunk;
  load->slot = index;
  Load* const started = load.get();
  loads_.push_back(std::move(load));
  if (place.bytes > shared_->chunk_bytes) {
    load_finish(*started,
                fail(Errc::corrupt, "segment: chunk larger than the log's", place.offset - segment->stream_offset));
    return nullptr;
  }
  load_continue(*started);
  return started;
}

void CachingReader::load_continue(Load& load) {
  const ChunkPlace& place = load.end->table[load.chunk];
  io_.read(load.read, load.segment->file.get(), {cache_.memory(load.slot) + load.got, place.bytes - load.got},
           place.offset - load.segment->stream_offset + load.got, io::then<&Load::done>(&load));
}

void CachingReader::load_done(Load& load, io::Read& operation) {
  const ChunkPlace& place = load.end->table[load.chunk];
  const uint64_t at = place.offset - load.segment->stream_offset;
  const Result<size_t> size = operation.size();
  if (mutant(Mutant::read_error_as_data) && !size) return load_finish(load, {});
  if (!size) return load_finish(load, fail(Error{size.error().code, size.error().sys, "segment: read", at}));
  load.got += *size;
  statistics_.bytes_read += *size;
  if (*size == 0) return load_finish(load, fail(Errc::corrupt, "segment: file ends early", at + load.got));
  if (load.got < place.bytes) {
    load.got -= load.got % kBlockBytes;  // a direct read goes on at a block
    return load_continue(load);
  }

  const Result<ChunkEnd> found = verify_chunk({cache_.memory(load.slot), place.bytes}, place.first, place.chain);
  if (!found) return load_finish(load, fail(Errc::corrupt, found.error().context, at + found.error().offset));
  const bool last = load.chunk + 1 == load.end->table.size();
  const Position next = last ? load.segment->end : load.end->table[load.chunk + 1].first;
  const uint32_t chain = last ? load.segment->chain_after : load.end->table[load.chunk + 1].chain;
  if (found->next != next || found->chain != chain)
    return load_finish(load, fail(Errc::corrupt, "segment: chunk does not lead to the next", at));
  load_finish(load, {});
}

void CachingReader::load_finish(Load& load, const Status& status) {
  const auto known = std::find_if(loads_.begin(), loads_.end(), [&](const auto& l) { return l.get() == &load; });
  const std::unique_ptr<Load> taken = std::move(*known);
  loads_.erase(known);
  ChunkCache::Slot& slot = cache_.slot(taken->slot);
  slot.bytes = taken->end->table[taken->chunk].bytes;
  if (status) {
    slot.state = ChunkCache::State::ready;
  } else {
    slot.state = ChunkCache::State::failed;
    slot.error = status.error();
    slot.file = taken->segment->path;
    slot.failed_at_ns = io_.now_ns();
    statistics_.corrupt_chunks += 1;
  }
  wake_all(taken->waiters);
}

void CachingReader::read_ahead(const Segment& segment, const std::shared_ptr<const Segment::End>& end, size_t chunk) {
  for (uint32_t i = 1; i <= options_.read_ahead_chunks; ++i) {
    if (chunk + i >= end->table.size()) return;
    if (cache_.find(end->table[chunk + i].offset) != UINT32_MAX) continue;
    const std::shared_ptr<const Segment>* const shared = segment_at(segment.stream_offset);
    if (shared == nullptr || shared->get() != &segment) return;  // merged meanwhile: the next view knows the new one
    if (load_start(*shared, end, chunk + i) == nullptr) return;
  }
}

// ---- finding a position ----

Result<uint64_t> CachingReader::try_find(Position position) {
  if (position < layout_->first_retained) return fail(Errc::gone, "log: retention has removed this position");
  if (position >= committed_.end) return fail(Errc::not_found, "log: no such position yet");
  const auto& tail = layout_->tail;
  if (position >= tail.front()->first) {
    size_t part = tail.size() - 1;
    while (tail[part]->first > position) --part;
    const TailSegment& segment = *tail[part];
    const uint32_t count = segment.chunks_count.load(std::memory_order_acquire);
    size_t chunk = count - 1;
    while (segment.chunks.data()[chunk].first > position) --chunk;
    const uint64_t start = segment.chunks.data()[chunk].offset;
    const View view = view_tail(start, SIZE_MAX);
    const std::optional<size_t> at = offset_in(view.bytes(), position);
    CHECK(at);
    return start + *at;
  }
  const auto& segments = layout_->segments;
  const auto after = std::upper_bound(segments.begin(), segments.end(), position,
                                      [](Position p, const auto& segment) { return p < segment->first; });
  CHECK(after != segments.begin());
  const Segment& segment = **(after - 1);
  const std::shared_ptr<const Segment::End> end = segment.known_end();
  if (end == nullptr) return fail(Errc::busy, "log: the segment's table is not read yet", segment.stream_offset);
  const auto place = std::upper_bound(end->table.begin(), end->table.end(), position,
                                      [](Position p, const ChunkPlace& c) { return p < c.first; }) -
                     1;
  const Result<View> view = view_segment(segment, place->offset, SIZE_MAX);
  if (!view)
    return view.error().code == Errc::busy ? fail(Errc::busy, "log: the chunk is on its way", place->offset)
                                           : fail(view.error());
  const std::optional<size_t> at = offset_in(view->bytes(), position);
  if (!at) return fail(Errc::corrupt, "segment: position is missing in its chunk");
  return place->offset + *at;
}

void CachingReader::find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) {
  fetch.callback = callback;
  fetch.owner = owner;
  fetch.in_flight = true;
  fetch.finding = true;
  fetch.wanted = position;
  const Result<uint64_t> offset = try_find(position);
  if (offset) {
    fetch.offset = *offset;
    return finish(fetch, {});
  }
  if (offset.error().code == Errc::busy) return fetch_start(fetch, offset.error().offset);
  finish(fetch, fail(offset.error()));
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
