#include "engine/log/log.hpp"

#include <algorithm>

#include "engine/log/journal.hpp"
#include "engine/log/maintenance.hpp"
#include "engine/log/mutant.hpp"
#include "engine/log/pending.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/recovery.hpp"
#include "engine/log/retention.hpp"
#include "engine/log/tail.hpp"

namespace cwtch::log {
namespace {

constexpr Error kPoisoned{Errc::read_only, 0, "log: closed to posts after an I/O error; see its log, then restart"};
constexpr size_t kCompareCacheBytes = 4 << 20;  // for records that posts are compared with

class LogOnDisk final : public Log, Journal::Observer, PendingPosts::Owner, Maintenance::Owner {
 public:
  LogOnDisk(io::Files& files, const Clock& clock, std::string directory, const Options& options,
            const Settings& settings, io::OpenFile lock, Manifest manifest, std::unique_ptr<KeyIndex> index, Tail tail,
            std::vector<std::shared_ptr<const Segment>> segments, std::vector<io::OpenFile> journal,
            const JournalPlace& place)
      : files_(files),
        clock_(clock),
        directory_(std::move(directory)),
        options_(options),
        secret_{settings.secret},
        lock_(std::move(lock)),
        shared_(std::make_shared<Shared>()),
        tail_(std::move(tail)),
        segments_(std::move(segments)),
        index_(std::move(index)),
        journal_(std::move(journal), settings, {options.group_bytes_max, options.sync_with_fdatasync}, place, *this),
        maintenance_(files, directory_, secret_, settings.row_bytes, std::move(manifest), *this),
        pending_(*index_, tail_, *this),
        hour_s_(clock.wall_hour_s()) {
    journal_.release(tail_.first());
    shared_->chunk_bytes = settings.chunk_bytes;
    shared_->row_bytes = settings.row_bytes;
    publish_layout();
    publish_committed({tail_.next(), tail_.stream_end()});
  }
  ~LogOnDisk() override {
    CHECK(idle());
    if (io_ != nullptr && !poisoned_) settle_times();
  }

  const std::shared_ptr<Shared>& shared() const override { return shared_; }
  const Options& options() const override { return options_; }
  bool poisoned() const override { return poisoned_; }
  Statistics statistics() const override;
  void set_start_bytes_read(uint64_t bytes) { statistics_.start_bytes_read = bytes; }

  void start(io::Io& io) override {
    io_ = &io;
    journal_.start(io);
    maintenance_.start(io);
    index_->start(io);
    Reader::Options cache;
    cache.cache_bytes = std::max<size_t>(kCompareCacheBytes, size_t{4} * options_.chunk_bytes);
    cache.read_ahead_chunks = 0;
    cache.hold_ns = 0;
    reader_ = Reader::make(io, files_, shared_, cache);
    pending_.start(*reader_);
    seal_before_the_ring_is_full();
    maintain();
  }
  void append(Append& append, ByteView record, void (*callback)(void*, Append&), void* owner) override;
  void turn_end() override;
  void tick() override;
  void on_published(void (*function)(void*), void* owner) override {
    published_ = function;
    published_owner_ = owner;
  }
  void drain() override {
    draining_ = true;
    maintenance_.stop();
  }
  bool idle() const override {
    return open_waiters_.empty() && written_waiters_.empty() && ready_.empty() && pending_.empty() &&
           !journal_.in_flight() && maintenance_.idle() && (reader_ == nullptr || reader_->idle());
  }

 private:
  struct Reach {
    Position end;
    uint64_t offset;
  };

  void place(Append& append, ByteView record, const std::array<Key, 2>& keys);
  void finish(Append& append, const Result<Append::Done>& result);
  void finish_all(List<Append>& list);
  void poison(const Error& error);
  void close_tail();
  void seal_before_the_ring_is_full();
  void write_group();
  void maintain();
  bool rebuild_a_run();
  void publish_layout();
  void publish_committed(const Reach& reach);
  void settle_times();

  void group_done(const Error* error) override;
  void pending_absent(Append& append, ByteView record, const std::array<Key, 2>& keys) override {
    place(append, record, keys);
  }
  void pending_repeated(Append& append, Position position) override;
  void pending_failed(Append& append, const Error& error) override;
  void maintenance_done(const Maintenance::Done& done) override;
  void maintenance_failed(const Error& error) override { poison(error); }
  void maintenance_damage(const std::string&, const Error&) override { statistics_.damage_found += 1; }

  io::Files& files_;
  const Clock& clock_;
  const std::string directory_;
  const Options options_;
  const KeySecret secret_;
  io::OpenFile lock_;
  io::Io* io_ = nullptr;
  std::shared_ptr<Shared> shared_;
  Tail tail_;
  std::vector<std::shared_ptr<const Segment>> segments_;
  std::unique_ptr<KeyIndex> index_;
  std::unique_ptr<Reader> reader_;
  Journal journal_;
  Maintenance maintenance_;
  PendingPosts pending_;
  uint64_t hour_s_;
  uint64_t layout_version_ = 0;
  Reach committed_{};
  Reach written_{};  // what is durable once the group in flight is
  bool poisoned_ = false;
  bool draining_ = false;
  void (*published_)(void*) = nullptr;
  void* published_owner_ = nullptr;

  // Each waits in one of these: for the group in flight, for the open group, or only for the end of the turn.
  List<Append> written_waiters_;
  List<Append> open_waiters_;
  List<Append> ready_;
  Statistics statistics_;
};

Statistics LogOnDisk::statistics() const {
  Statistics s = statistics_;
  s.groups_written = journal_.groups_written();
  s.group_bytes_written = journal_.bytes_written();
  const KeyIndex::Statistics index = index_->statistics();
  s.index_memory_bytes = index.memory_bytes;
  s.index_keys = index.keys;
  s.index_disk_reads = index.disk_reads;
  return s;
}

// ---- posts ----

void LogOnDisk::append(Append& append, ByteView record, void (*callback)(void*, Append&), void* owner) {
  CHECK(io_ != nullptr && !append.in_flight);
  append.callback = callback;
  append.owner = owner;
  append.in_flight = true;
  if (poisoned_) return finish(append, fail(kPoisoned));
  if (draining_) return finish(append, fail(Errc::read_only, "log: shutting down"));
  if (record.size() < kRecordBytesMin) return finish(append, fail(Errc::malformed, "post: record is too short"));
  if (record.size() > kRecordBytesMax) return finish(append, fail(Errc::too_large, "post: record is too long"));
  const std::array<Key, 2> keys = keys_of(secret_, tail_.next(), record);
  if (index_->absent(keys[0].fingerprint, keys[1].fingerprint)) return place(append, record, keys);
  if (pending_.full()) return finish(append, fail(Errc::busy, "log: too many posts wait for the key index"));
  pending_.add(append, record, keys);
}

void LogOnDisk::place(Append& append, ByteView record, const std::array<Key, 2>& keys) {
  if (poisoned_) return finish(append, fail(kPoisoned));
  if (!journal_.has_room(frame_bytes(record.size()))) {
    if (maintenance_.stalled()) return finish(append, fail(Errc::read_only, "log: the medium is full"));
    return finish(append, fail(Errc::busy, "log: every group is in flight"));
  }
  if (tail_.full()) close_tail();
  const Position position = tail_.next();
  const std::array<Key, 2> placed = {Key{keys[0].fingerprint, position.value},
                                     Key{keys[1].fingerprint, position.value}};
  const uint32_t chain = tail_.chain();
  journal_.add(position, chain, tail_.append(record, placed));
  index_->insert(placed[0], placed[1]);
  pending_.placed(placed);
  statistics_.records_appended += 1;
  append.result = Append::Done{position, false};
  open_waiters_.push_back(append);
}

void LogOnDisk::pending_repeated(Append& append, Position position) {
  statistics_.duplicates += 1;
  append.result = Append::Done{position, true};
  if (position < committed_.end) {
    ready_.push_back(append);
  } else if (poisoned_) {
    finish(append, fail(kPoisoned));
  } else if (journal_.in_flight() && position < written_.end) {
    written_waiters_.push_back(append);
  } else {
    open_waiters_.push_back(append);
  }
}

void LogOnDisk::pending_failed(Append& append, const Error& error) {
  if (error.code == Errc::conflict) statistics_.conflicts += 1;
  // A damaged key run or segment is not the poster's fault, and it is being rebuilt or may be read next time.
  if (error.code == Errc::corrupt || error.code == Errc::io)
    return finish(append, fail(Errc::busy, "log: cannot tell yet whether this record is known"));
  finish(append, fail(error));
}

void LogOnDisk::finish(Append& append, const Result<Append::Done>& result) {
  append.result = result;
  append.in_flight = false;
  append.callback(append.owner, append);
}

void LogOnDisk::finish_all(List<Append>& list) {
  List<Append> now;
  now.splice_back(list);  // a callback may append again
  while (!now.empty()) {
    Append& append = now.pop_front();
    const Result<Append::Done> result = append.result;
    finish(append, result);
  }
}

void LogOnDisk::poison(const Error& error) {
  if (std::exchange(poisoned_, true)) return;
  statistics_.poison = error;
  shared_->read_only.store(true, std::memory_order_release);
  for (List<Append>* list : {&written_waiters_, &open_waiters_}) {
    List<Append> now;
    now.splice_back(*list);
    while (!now.empty()) {
      finish(now.pop_front(), fail(kPoisoned));
    }
  }
  if (published_ != nullptr) published_(published_owner_);
}

// ---- groups ----

void LogOnDisk::turn_end() {
  reader_->refresh();
  finish_all(ready_);
  write_group();
}

void LogOnDisk::write_group() {
  if (poisoned_ || journal_.in_flight() || journal_.open_group_empty()) return;
  written_ = {tail_.next(), tail_.stream_end()};
  written_waiters_.splice_back(open_waiters_);
  journal_.write_start();
  if (mutant(Mutant::ack_before_sync)) finish_all(written_waiters_);
  seal_before_the_ring_is_full();
}

// When the next file of the ring still holds the open part, that has to be sealed before the ring comes round.
void LogOnDisk::seal_before_the_ring_is_full() {
  if (journal_.next_file_holds(tail_.parts().back().segment->first)) close_tail();
}

void LogOnDisk::group_done(const Error* error) {
  if (error != nullptr) return poison(*error);
  publish_committed(journal_.open_group_empty() ? Reach{tail_.next(), tail_.stream_end()} : written_);
  finish_all(written_waiters_);
  maintain();
}

void LogOnDisk::close_tail() {
  if (!tail_.close(hour_s_)) return;
  publish_layout();
  // With nothing under way, the fillers at its end are as durable as its records.
  if (!journal_.in_flight() && journal_.open_group_empty()) publish_committed({tail_.next(), tail_.stream_end()});
}

void LogOnDisk::publish_committed(const Reach& reach) {
  committed_ = reach;
  shared_->publish(Shared::Committed{reach.end, reach.offset});
  if (published_ != nullptr) published_(published_owner_);
}

void LogOnDisk::publish_layout() {
  auto layout = std::make_shared<Layout>();
  layout->version = ++layout_version_;
  layout->hour_s = hour_s_;
  layout->first_retained = maintenance_.manifest().first_retained;
  layout->segments = segments_;
  for (const TailPart& part : tail_.parts()) layout->tail.push_back(part.segment);
  shared_->publish(std::move(layout));
}

// ---- maintenance ----

void LogOnDisk::tick() {
  if (poisoned_) return;
  const uint64_t hour_s = clock_.wall_hour_s();
  if (hour_s != hour_s_) {
    // What came in the hour that has ended is sealed as its own.
    if (tail_.parts().back().records_count() >= options_.seal_records_hour_min) close_tail();
    hour_s_ = hour_s;
    publish_layout();
  }
  maintenance_.retry();
  maintain();
  shared_->read_only.store(poisoned_ || maintenance_.stalled(), std::memory_order_release);
}

void LogOnDisk::maintain() {
  if (io_ == nullptr || poisoned_ || draining_ || maintenance_.failed()) return;
  const TailPart& front = tail_.parts().front();
  if (front.closed && front.end <= committed_.end && !maintenance_.sealing()) maintenance_.seal(front);
  if (maintenance_.merging()) return;
  // Also while the medium is full: this gives space back.
  if (const Position keep = retained_from(options_, maintenance_.manifest(), clock_.wall_hour_s());
      keep > maintenance_.manifest().first_retained)
    return maintenance_.retire(keep);
  if (maintenance_.stalled()) return;
  using Merge = Maintenance::Merge;
  if (!maintenance_.pauses(Merge::rebuild) && rebuild_a_run()) return;
  if (!maintenance_.pauses(Merge::runs)) {
    const uint32_t factor = std::min(KeyIndex::kMergeFactor, options_.merge_factor);
    if (std::vector<RunName> runs = index_->merge_candidates(factor); !runs.empty())
      return maintenance_.merge_runs(std::move(runs));
  }
  if (!maintenance_.pauses(Merge::segments)) {
    const auto mergeable = [&](const Segment& segment) { return maintenance_.mergeable(segment); };
    if (auto parts = merge_candidates(options_, segments_, mergeable); !parts.empty())
      maintenance_.merge_segments(std::move(parts));
  }
}

// From the segments that it covers, if all of them can be read. False: there is none to be built.
bool LogOnDisk::rebuild_a_run() {
  for (const RunName& name : index_->damaged()) {
    std::vector<std::shared_ptr<const Segment>> over;
    bool readable = true;
    for (const auto& segment : segments_) {
      if (segment->end <= name.first || segment->first >= name.end) continue;
      over.push_back(segment);
      readable &= maintenance_.mergeable(*segment);
    }
    if (over.empty() || !readable) continue;
    maintenance_.rebuild_run(name, std::move(over));
    return true;
  }
  return false;
}

void LogOnDisk::maintenance_done(const Maintenance::Done& done) {
  if (done.sealed) {
    CHECK(done.segment != nullptr && tail_.front().closed && tail_.first() == done.segment->first);
    segments_.push_back(done.segment);
    tail_.drop_front();
    statistics_.segments_sealed += 1;
  } else if (done.segment != nullptr) {
    const auto first = std::find_if(segments_.begin(), segments_.end(),
                                    [&](const auto& s) { return s->first == done.segment->first; });
    const auto last = std::find_if(first, segments_.end(), [&](const auto& s) { return s->end == done.segment->end; });
    CHECK(last != segments_.end());
    *first = done.segment;
    segments_.erase(first + 1, last + 1);
    statistics_.segments_merged += 1;
  }
  if (done.run != nullptr) index_->adopt(done.run);
  if (done.first_retained) {
    const size_t before = segments_.size();
    std::erase_if(segments_, [&](const auto& segment) { return segment->end <= *done.first_retained; });
    index_->set_first_retained(*done.first_retained);
    statistics_.segments_retired += before - segments_.size();
  }
  publish_layout();
  if (done.sealed) journal_.release(tail_.first());
  if (published_ != nullptr) published_(published_owner_);
  maintain();
}

// Nothing finer than the hour stays in the times of our files.
void LogOnDisk::settle_times() {
  const uint64_t hour_s = clock_.wall_hour_s();
  for (const char* const folder : {"/segments", "/keys", ""}) {
    const std::string path = directory_ + folder;
    const Result<std::vector<std::string>> names = files_.list(path);
    if (!names) continue;
    for (const std::string& name : *names) (void)files_.set_times(path + "/" + name, hour_s);
    (void)files_.set_times(path, hour_s);  // last: it has been read, and files have come and gone
  }
}

// Files that no start and no manifest knows: what a crash left behind.
void remove_leftovers(io::Files& files, const std::string& directory, const ManifestState& manifest) {
  std::vector<std::string> known;
  for (const SegmentEntry& segment : manifest.segments) {
    known.push_back(segment.name());
    known.push_back(segment.index_name());
  }
  for (const RunName& run : manifest.runs) known.push_back(run.file());
  for (const char* const folder : {"/segments", "/keys"}) {
    const Result<std::vector<std::string>> names = files.list(directory + folder);
    if (!names) continue;
    for (const std::string& name : *names) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        (void)files.unlink(directory + folder + "/" + name);
    }
  }
}

}  // namespace

Status Log::create(io::Files& files, Random& random, const std::string& directory, const Options& options) {
  if (const Status checked = check(options); !checked) return checked;
  Settings settings{.chunk_bytes = options.chunk_bytes,
                    .journal_files = options.journal_files,
                    .journal_file_bytes = options.journal_file_bytes,
                    .row_bytes = options.row_bytes,
                    .secret = {}};
  random.fill(settings.secret);
  if (const Status s = files.make_directory(directory + "/segments"); !s) return s;
  if (const Status s = files.make_directory(directory + "/keys"); !s) return s;
  if (const Status s = Journal::create(files, directory, settings); !s) return s;
  if (const Status s = Manifest::create(files, directory); !s) return s;
  // Last: a directory with settings is a whole log.
  if (const Status s = write_settings(files, directory, settings); !s) return s;
  return files.sync_directory(directory);
}

Result<std::unique_ptr<Log>> Log::open(io::Files& files, const Clock& clock, Random&, const std::string& directory,
                                       const Options& wanted, std::string* damage) {
  uint64_t bytes_read = 0;
  *damage = directory + "/lock";
  const Result<io::File> lock = files.lock(*damage);
  if (!lock) return fail(lock.error());
  io::OpenFile held(files, *lock);

  *damage = directory + "/settings";
  const Result<Settings> settings = read_settings(files, directory);
  if (!settings) return fail(settings.error());
  Options options = wanted;
  options.chunk_bytes = settings->chunk_bytes;
  options.journal_files = settings->journal_files;
  options.journal_file_bytes = settings->journal_file_bytes;
  options.row_bytes = settings->row_bytes;
  options.group_bytes_max =
      static_cast<uint32_t>(std::min<uint64_t>(options.group_bytes_max, options.journal_file_bytes));
  if (const Status checked = check(options); !checked) return fail(checked.error());

  // A killed process leaves bytes and names that can be read and are not durable. What is read from here on is shown
  // and acknowledged again, so it is made durable before it is looked at.
  *damage = directory;
  if (const Status synced = files.sync_directory(directory); !synced) return fail(synced.error());
  *damage = directory + "/manifest";
  Result<Manifest> manifest = Manifest::open(files, directory, &bytes_read);
  if (!manifest) return fail(manifest.error());
  const ManifestState& state = manifest->state();
  std::vector<std::shared_ptr<const Segment>> segments;
  for (const SegmentEntry& entry : state.segments) {
    *damage = directory + "/segments/" + entry.name();
    Result<std::shared_ptr<const Segment>> segment = open_segment(files, directory, entry);
    if (!segment && segment.error().code == Errc::not_found)
      return fail(Errc::corrupt, "segment: listed in the manifest, but missing");
    if (!segment) return fail(segment.error());
    segments.push_back(std::move(*segment));
  }

  *damage = journal_path(directory, 0);
  Result<std::vector<io::OpenFile>> journal = Journal::open_files(files, directory, *settings);
  if (!journal) return fail(journal.error());
  for (uint32_t i = 0; i < journal->size(); ++i) {
    *damage = journal_path(directory, i);
    if (const Status synced = files.sync((*journal)[i].get()); !synced) return fail(synced.error());
  }
  Result<Recovered> recovered = recover_journal(files, directory, *settings, *journal, state, damage, &bytes_read);
  if (!recovered) return fail(recovered.error());
  if (const Status settled = manifest->settle(); !settled) {
    *damage = directory + "/manifest";
    return fail(settled.error());
  }
  if (const Status committed = commit_again(files, directory, *settings, *journal, state, &*recovered, damage);
      !committed)
    return fail(committed.error());

  *damage = directory + "/keys";
  Result<std::unique_ptr<KeyIndex>> index = KeyIndex::open(files, directory + "/keys", state.runs, &bytes_read);
  if (!index) return fail(index.error());
  (*index)->set_first_retained(state.first_retained);
  Tail tail({options.chunk_bytes, options.seal_records, options.row_bytes}, state.end(), state.stream_end(),
            state.chain(), state.row_end());
  const KeySecret secret{settings->secret};
  for (const ByteView record : recovered->records) {
    if (tail.full()) tail.close(clock.wall_hour_s());
    const std::array<Key, 2> keys = keys_of(secret, tail.next(), record);
    tail.append(record, keys);
    (*index)->insert(keys[0], keys[1]);
  }
  remove_leftovers(files, directory, state);

  damage->clear();
  auto log = std::make_unique<LogOnDisk>(files, clock, directory, options, *settings, std::move(held),
                                         std::move(*manifest), std::move(*index), std::move(tail), std::move(segments),
                                         std::move(*journal), recovered->place);
  log->set_start_bytes_read(bytes_read);
  return log;
}

}  // namespace cwtch::log
