#include "engine/log/maintenance.hpp"

#include <algorithm>

#include "engine/log/frame.hpp"

namespace cwtch::log {
namespace {

// What goes away by itself: space and descriptors come back, and trying again on new files is safe.
bool passes(Errc code) { return code == Errc::no_space || code == Errc::busy; }

// Of a key run's file: two keys of less than 16 bytes, fences and filter.
constexpr uint64_t kRunBytesPerRecord = 40;

}  // namespace

Maintenance::Maintenance(io::Files& files, std::string directory, const KeySecret& secret, uint32_t row_bytes,
                         Manifest manifest, Owner& owner)
    : files_(files),
      directory_(std::move(directory)),
      secret_(secret),
      row_bytes_(row_bytes),
      owner_(owner),
      manifest_(std::move(manifest)),
      manifest_state_(manifest_.state()) {}

Maintenance::~Maintenance() { CHECK(idle()); }

void Maintenance::fail_all(const Error& error) {
  if (std::exchange(failed_, true)) return;
  changes_.clear();
  owner_.maintenance_failed(error);
}

void Maintenance::retry() {
  if (failed_ || stopping_) return;
  for (uint32_t& pause : merge_pause_) pause -= pause > 0;
  if (std::exchange(manifest_lane_.stalled, false)) list_start();
  if (std::exchange(seal_.stalled, false)) {
    io_->work(
        seal_.work, [](void* self) { static_cast<Maintenance*>(self)->seal_run(); }, this,
        io::then<&Maintenance::seal_done>(this));
  }
}

// ---- seal lane ----

void Maintenance::seal(const TailPart& part) {
  CHECK(!seal_.busy && part.closed && !failed_);
  seal_.busy = true;
  sealing_part_.segment = part.segment;
  sealing_part_.keys = part.keys;
  sealing_part_.end = part.end;
  sealing_part_.stream_end = part.stream_end;
  sealing_part_.chain_after = part.chain_after;
  sealing_part_.hour_s = part.hour_s;
  sealing_index_offset_ = manifest_state_.index_end();  // the parts before it are listed
  io_->work(
      seal_.work, [](void* self) { static_cast<Maintenance*>(self)->seal_run(); }, this,
      io::then<&Maintenance::seal_done>(this));
}

void Maintenance::seal_run() {
  const TailSegment& segment = *sealing_part_.segment;
  std::vector<ChunkBytes> chunks;
  for (size_t i = 0; i < segment.chunks.size(); ++i) {
    const TailSegment::Chunk& chunk = segment.chunks[i];
    const uint64_t end = i + 1 < segment.chunks.size() ? segment.chunks[i + 1].offset : sealing_part_.stream_end;
    const ByteView bytes = ByteView(chunk.memory.bytes()).first(end - chunk.offset);
    // The anchor has the chain before the chunk.
    const auto chain = load_le<uint32_t>(bytes.data() + sizeof(FrameHeader));
    chunks.push_back({{chunk.first, chunk.offset, static_cast<uint32_t>(bytes.size()), chain, i == 0,
                       i == 0 ? static_cast<uint32_t>(sealing_part_.hour_s / kHourSeconds) : 0},
                      bytes});
  }
  sealed_ =
      write_segment(files_, directory_, chunks, sealing_part_.end, sealing_part_.chain_after, sealing_part_.hour_s,
                    {.first_row = segment.first_row, .offset = sealing_index_offset_, .row_bytes = row_bytes_});
  if (!sealed_) return;
  sealed_run_ = KeyIndex::build(files_, directory_ + "/keys", {segment.first, sealing_part_.end}, sealing_part_.keys);
}

void Maintenance::seal_done(io::Work&) {
  const Error* const error = !sealed_ ? &sealed_.error() : !sealed_run_ ? &sealed_run_.error() : nullptr;
  if (error != nullptr) {
    if (passes(error->code)) {
      seal_.stalled = seal_.no_space = true;
      return;
    }
    return fail_all(*error);
  }
  list({.change = {.segment = *sealed_, .run = (*sealed_run_)->name(), .first_retained = {}},
        .done = {.sealed = true, .segment = nullptr, .run = *sealed_run_, .first_retained = {}},
        .lane = &seal_});
}

// ---- merge lane ----

void Maintenance::merge_segments(std::vector<std::shared_ptr<const Segment>> parts) {
  CHECK(!merge_.busy && !parts.empty());
  merge_kind_ = Merge::segments;
  merge_hour_s_ = 0;
  for (const SegmentEntry& entry : manifest_state_.segments) {
    if (entry.first >= parts.front()->first && entry.end <= parts.back()->end)
      merge_hour_s_ = std::max(merge_hour_s_, entry.hour_s);
  }
  merge_parts_ = std::move(parts);
  merge_run();
}

void Maintenance::merge_runs(std::vector<RunName> names) {
  CHECK(!merge_.busy && !names.empty());
  merge_kind_ = Merge::runs;
  merge_to_ = {names.front().first, names.back().end};
  merge_names_ = std::move(names);
  merge_run();
}

void Maintenance::rebuild_run(const RunName& name, std::vector<std::shared_ptr<const Segment>> segments) {
  CHECK(!merge_.busy);
  merge_kind_ = Merge::rebuild;
  merge_to_ = name;
  merge_parts_ = std::move(segments);
  merge_run();
}

void Maintenance::merge_run() {
  CHECK(!pauses(merge_kind_));
  merge_.busy = true;
  merge_first_retained_ = first_retained();
  io_->work(
      merge_.work, [](void* self) { static_cast<Maintenance*>(self)->merge_work(); }, this,
      io::then<&Maintenance::merge_done>(this));
}

Status Maintenance::room_to_merge() const {
  uint64_t bytes = 0;
  if (merge_kind_ == Merge::segments) {
    for (const auto& part : merge_parts_) bytes += part->file_bytes + part->index.bytes;
  } else {
    bytes = (merge_to_.end.value - merge_to_.first.value) * kRunBytesPerRecord;
  }
  const Result<io::Space> space = files_.space(directory_);
  if (space && space->free_bytes / 2 < bytes) return fail(Errc::no_space, "merge: too little is free");
  return {};
}

void Maintenance::merge_work() {
  merge_damaged_ = 0;
  if (const Status room = room_to_merge(); !room) {
    merged_ = fail(room.error());
    merged_run_ = fail(room.error());
    return;
  }
  switch (merge_kind_) {
    case Merge::segments:
      merged_ = log::merge_segments(files_, directory_, merge_parts_, merge_hour_s_, row_bytes_, &merge_damaged_);
      return;
    case Merge::runs:
      merged_run_ = KeyIndex::merge(files_, directory_ + "/keys", merge_names_, merge_to_, merge_first_retained_);
      return;
    case Merge::rebuild:
      merged_run_ = rebuild_work();
      return;
  }
}

Result<std::shared_ptr<const KeyRun>> Maintenance::rebuild_work() {
  std::vector<Key> keys;
  for (merge_damaged_ = 0; merge_damaged_ < merge_parts_.size(); ++merge_damaged_) {
    const auto collect = [&](const ChunkPlace& place, ByteView bytes) -> Status {
      FrameWalker walker(bytes, place.first, place.chain);
      while (true) {
        const Result<std::optional<Frame>> frame = walker.next();
        if (!frame) return fail(frame.error());
        if (!*frame) return {};
        const Position position = (*frame)->position;
        if ((*frame)->kind != FrameKind::record || position < merge_to_.first || position >= merge_to_.end) continue;
        const auto both = keys_of(secret_, position, (*frame)->payload);
        keys.insert(keys.end(), both.begin(), both.end());
      }
    };
    if (const Status read = for_each_chunk(files_, *merge_parts_[merge_damaged_], collect); !read)
      return fail(read.error());
  }
  return KeyIndex::build(files_, directory_ + "/keys", merge_to_, std::move(keys));
}

void Maintenance::merge_done(io::Work&) {
  const bool segments = merge_kind_ == Merge::segments;
  const Error* const error =
      segments ? (merged_ ? nullptr : &merged_.error()) : (merged_run_ ? nullptr : &merged_run_.error());
  if (error != nullptr) {
    const Error reported = *error;
    merge_.busy = false;
    if (passes(reported.code)) {  // there is always a later time to merge
      merge_pause_[static_cast<size_t>(merge_kind_)] = kMergePause;
      merge_parts_.clear();
      return;
    }
    if (reported.code != Errc::corrupt) {
      merge_parts_.clear();
      return fail_all(reported);
    }
    if (merge_kind_ != Merge::runs && merge_damaged_ < merge_parts_.size()) {
      damaged_.insert(merge_parts_[merge_damaged_]->first.value);
      owner_.maintenance_damage(merge_parts_[merge_damaged_]->path, reported);
    } else {  // a run: one of those that were read, or the one that was written
      const RunName& run = merge_kind_ == Merge::runs ? merge_names_.front() : merge_to_;
      owner_.maintenance_damage(directory_ + "/keys/" + run.file(), reported);
    }
    merge_parts_.clear();
    return;
  }
  merge_parts_.clear();
  if (segments) {
    list({.change = {.segment = *merged_, .run = {}, .first_retained = {}}, .done = {}, .lane = &merge_});
  } else {
    list({.change = {.segment = {}, .run = (*merged_run_)->name(), .first_retained = {}},
          .done = {.sealed = false, .segment = nullptr, .run = *merged_run_, .first_retained = {}},
          .lane = &merge_});
  }
}

void Maintenance::retire(Position first_retained) {
  CHECK(!merge_.busy);
  merge_.busy = true;  // what is being retired must not be merged meanwhile
  list({.change = {.segment = {}, .run = {}, .first_retained = first_retained},
        .done = {.sealed = false, .segment = nullptr, .run = nullptr, .first_retained = first_retained},
        .lane = &merge_});
}

// ---- manifest lane ----

void Maintenance::list(Listing listing) {
  if (failed_) return;
  changes_.push_back(std::move(listing));
  if (changes_.size() == 1) list_start();
}

void Maintenance::list_start() {
  io_->work(
      manifest_lane_.work, [](void* self) { static_cast<Maintenance*>(self)->list_run(); }, this,
      io::then<&Maintenance::list_done>(this));
}

void Maintenance::list_run() {
  const Change& change = changes_.front().change;
  listed_segment_ = nullptr;
  if (change.segment) {  // opened first: a segment that cannot be opened must not be listed
    Result<std::shared_ptr<const Segment>> segment = open_segment(files_, directory_, *change.segment);
    if (!segment) {
      listed_ = fail(segment.error());
      return;
    }
    listed_segment_ = *segment;
  }
  const ManifestState before = manifest_.state();
  listed_ = manifest_.append(change);
  if (!listed_) return;
  const ManifestState& after = manifest_.state();
  // What is not in force any more. If this is cut off, the next start removes it.
  for (const SegmentEntry& old : before.segments) {
    const bool kept = std::any_of(after.segments.begin(), after.segments.end(),
                                  [&](const SegmentEntry& s) { return s.first == old.first && s.end == old.end; });
    if (kept) continue;
    (void)files_.unlink(directory_ + "/segments/" + old.name());
    (void)files_.unlink(directory_ + "/segments/" + old.index_name());
  }
  for (const RunName& old : before.runs) {
    if (std::find(after.runs.begin(), after.runs.end(), old) == after.runs.end())
      (void)files_.unlink(directory_ + "/keys/" + old.file());
  }
  listed_ = manifest_.compact_if_worth();
  if (!listed_ && passes(listed_.error().code)) listed_ = {};  // the old one is as good
}

void Maintenance::list_done(io::Work&) {
  if (failed_) return changes_.clear();
  if (!listed_) {
    if (passes(listed_.error().code)) {
      manifest_lane_.stalled = manifest_lane_.no_space = true;
      return;
    }
    return fail_all(listed_.error());
  }
  manifest_lane_.no_space = false;
  Listing listing = std::move(changes_.front());
  changes_.pop_front();
  listing.lane->no_space = false;
  manifest_state_ = manifest_.state();
  listing.lane->busy = false;
  listing.done.segment = std::move(listed_segment_);
  if (listing.done.sealed) sealing_part_ = TailPart{};
  if (!changes_.empty()) list_start();
  owner_.maintenance_done(listing.done);
}

}  // namespace cwtch::log
