#include "engine/log/key_index.hpp"

#include <sodium.h>

#include <algorithm>

#include "engine/core/codec.hpp"
#include "engine/log/key_index_recent.hpp"
#include "engine/log/key_run.hpp"

namespace cwtch::log {
namespace {

constexpr size_t kReadsMax = 32;       // pages being read at once; more lookups wait their turn
constexpr int kShortReadsMax = 16;     // of one page, then the medium is to blame
constexpr size_t kRunsMergedMax = 64;  // bounds a merge's buffers and descriptors

class Index final : public KeyIndex {
 public:
  Index() {
    for (PageRead& read : reads_) free_.push_back(read);
  }
  ~Index() override { CHECK(lookups_in_flight_ == 0); }

  Status open_runs(io::Files& files, const std::string& directory, const std::vector<RunName>& names,
                   uint64_t* bytes_read);

  void start(io::Io& io) override { io_ = &io; }
  void insert(const Key& signature, const Key& nonce) override {
    recent_.insert(signature);
    recent_.insert(nonce);
  }
  bool absent(uint64_t signature, uint64_t nonce) override;
  bool lookup(Lookup& lookup, uint64_t fingerprint, void (*callback)(void*, Lookup&), void* owner) override;
  void set_first_retained(Position position) override;
  void adopt(std::shared_ptr<const KeyRun> run) override;
  std::vector<RunName> merge_candidates(uint32_t factor) const override;
  std::vector<RunName> runs() const override;
  std::vector<RunName> damaged() const override;
  Statistics statistics() const override;

 private:
  // A page on its way, for the lookup that asked.
  struct PageRead : ListLink {
    PageRead() : page(kBlockBytes) {}
    io::Read read;
    AlignedMemory page;
    Index* index = nullptr;
    Lookup* lookup = nullptr;
    KeyRun::PageRange range{};  // the page being read, and the last one to read
    int short_reads = 0;
    void done(io::Read&) { index->page_done(*this); }
  };

  struct Entry {
    std::shared_ptr<const KeyRun> run;
    bool flawed = false;  // a page of it is damaged: it answers what it can until others cover its positions
  };
  struct Damage {
    RunName range;
    bool missing;  // there is no run at all: no key can be said to be absent
    Error error;
  };

  void ask_runs(Lookup& lookup);
  void proceed(Lookup& lookup);
  void read_start(PageRead& read);
  void page_done(PageRead& read);
  bool complete(Lookup& lookup);
  void mark_flawed(const KeyRun& run, const Error& error);
  void cut_damage(Position first, Position end);

  io::Io* io_ = nullptr;
  RecentKeys recent_;
  std::vector<Entry> runs_;  // by position
  std::vector<Damage> damages_;
  uint64_t adoptions_ = 0;
  Position first_retained_{0};
  PageRead reads_[kReadsMax];
  List<PageRead> free_;
  List<Lookup> waiting_;
  size_t lookups_in_flight_ = 0;
  uint64_t disk_reads_ = 0;
  uint64_t filter_passes_ = 0;
};

bool repairable(const Error& error) {
  return error.code == Errc::not_found || error.code == Errc::corrupt || error.code == Errc::io;
}

Status Index::open_runs(io::Files& files, const std::string& directory, const std::vector<RunName>& names,
                        uint64_t* bytes_read) {
  for (const RunName& name : names) {
    CHECK(runs_.empty() || runs_.back().run->name().first < name.first);
    auto run = KeyRun::open(files, directory, name, bytes_read);
    if (run) {
      runs_.push_back({std::move(*run)});
      continue;
    }
    if (!repairable(run.error())) return fail(run.error());
    damages_.push_back({name, true, run.error()});
  }
  return {};
}

bool Index::absent(uint64_t signature, uint64_t nonce) {
  if (std::any_of(damages_.begin(), damages_.end(), [](const Damage& damage) { return damage.missing; })) return false;
  // Each filter costs a cache miss: start all of them, then look.
  for (const Entry& entry : runs_) {
    entry.run->prefetch(signature);
    entry.run->prefetch(nonce);
  }
  if (recent_.contains(signature) || recent_.contains(nonce)) return false;
  return std::none_of(runs_.begin(), runs_.end(), [&](const Entry& entry) {
    return entry.run->may_contain(signature) || entry.run->may_contain(nonce);
  });
}

bool Index::lookup(Lookup& lookup, uint64_t fingerprint, void (*callback)(void*, Lookup&), void* owner) {
  CHECK(io_ != nullptr);
  CHECK(!lookup.in_flight);
  lookup.callback = callback;
  lookup.owner = owner;
  lookup.fingerprint = fingerprint;
  lookup.candidates.clear();
  ask_runs(lookup);
  if (complete(lookup)) return true;
  lookup.in_flight = true;
  ++lookups_in_flight_;
  proceed(lookup);
  return false;
}

// Chooses the runs that have to be read.
void Index::ask_runs(Lookup& lookup) {
  lookup.result = {};
  lookup.adoptions = adoptions_;
  lookup.runs.clear();
  for (const Damage& damage : damages_) {
    if (!damage.missing) continue;
    lookup.result = fail(damage.error);
    return;
  }
  for (const Entry& entry : runs_) {
    if (entry.run->name().end <= first_retained_ || !entry.run->may_contain(lookup.fingerprint)) continue;
    lookup.runs.push_back(entry.run);
    ++filter_passes_;
  }
}

// True when nothing is left to read; the answer is then in `lookup`.
bool Index::complete(Lookup& lookup) {
  // What was adopted in the meantime may hold keys that were recent when the question began and are not any more; and
  // it may be the repair of the run that failed.
  if (lookup.runs.empty() && lookup.adoptions != adoptions_) ask_runs(lookup);
  if (!lookup.runs.empty()) return false;
  recent_.find(lookup.fingerprint, lookup.candidates);
  auto& found = lookup.candidates;
  std::erase_if(found, [this](Position position) { return position < first_retained_; });
  std::sort(found.begin(), found.end(), std::greater<>());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return true;
}

void Index::proceed(Lookup& lookup) {
  if (free_.empty()) {
    waiting_.push_back(lookup);
    return;
  }
  PageRead& read = free_.pop_front();
  read.index = this;
  read.lookup = &lookup;
  read.range = lookup.runs.back()->pages_of(lookup.fingerprint);
  read.short_reads = 0;
  read_start(read);
}

void Index::read_start(PageRead& read) {
  ++disk_reads_;
  io_->read(read.read, read.lookup->runs.back()->file(), read.page.bytes(), KeyRun::offset_of(read.range.first),
            io::then<&PageRead::done>(&read));
}

void Index::page_done(PageRead& read) {
  Lookup& lookup = *read.lookup;
  const std::shared_ptr<const KeyRun> run = lookup.runs.back();
  const Result<size_t> size = read.read.size();
  if (size && *size > 0 && *size < kBlockBytes && ++read.short_reads < kShortReadsMax) {
    return read_start(read);  // a direct read goes on at a block's border only, and this is one block
  }

  Status searched;
  if (!size) {
    searched = fail(size.error());
    searched.error().offset = KeyRun::offset_of(read.range.first);
  } else {
    searched =
        run->search(ByteView(read.page.bytes()).first(*size), read.range.first, lookup.fingerprint, lookup.candidates);
  }
  if (searched && read.range.first < read.range.last) {
    ++read.range.first;
    read.short_reads = 0;
    return read_start(read);
  }
  if (searched) {
    lookup.runs.pop_back();
  } else {
    lookup.result = searched;
    lookup.runs.clear();
    mark_flawed(*run, searched.error());
  }

  read.lookup = nullptr;
  free_.push_back(read);
  const bool answered = complete(lookup);
  if (!answered) waiting_.push_back(lookup);
  if (!waiting_.empty()) proceed(waiting_.pop_front());
  if (!answered) return;
  --lookups_in_flight_;
  lookup.in_flight = false;
  lookup.callback(lookup.owner, lookup);
}

void Index::set_first_retained(Position position) {
  CHECK(position >= first_retained_);
  first_retained_ = position;
  std::erase_if(runs_, [position](const Entry& entry) { return entry.run->name().end <= position; });
  cut_damage({0}, position);
}

void Index::adopt(std::shared_ptr<const KeyRun> run) {
  const RunName name = run->name();
  ++adoptions_;
  recent_.drop_below(name.end);
  cut_damage(name.first, name.end);
  std::erase_if(runs_, [&](const Entry& entry) {
    const RunName& old = entry.run->name();
    if (name.first <= old.first && old.end <= name.end) return true;
    // A flawed run may be replaced by several: it goes with the last of them.
    return entry.flawed && std::none_of(damages_.begin(), damages_.end(), [&](const Damage& damage) {
             return old.first <= damage.range.first && damage.range.end <= old.end;
           });
  });
  const auto behind = std::find_if(runs_.begin(), runs_.end(),
                                   [&](const Entry& entry) { return name.first < entry.run->name().first; });
  runs_.insert(behind, {std::move(run)});
}

std::vector<RunName> Index::merge_candidates(uint32_t factor) const {
  CHECK(factor >= 2);
  uint64_t keys_most = 0;
  for (const Entry& entry : runs_) keys_most = std::max(keys_most, entry.run->keys_count());
  // `bound` is what a run of the next level has at least. A group of neighbours, none of them that large, merges once
  // it is together: then the result belongs to a higher level than each of its parts.
  for (uint64_t bound = factor; bound <= keys_most * factor; bound *= factor) {
    std::vector<RunName> group;
    uint64_t keys = 0;
    for (const Entry& entry : runs_) {
      const RunName& name = entry.run->name();
      const bool mergeable = !entry.flawed && entry.run->keys_count() < bound;
      if (!mergeable || (!group.empty() && group.back().end != name.first)) {
        if (keys >= bound) return group;
        group.clear();
        keys = 0;
        if (!mergeable) continue;
      }
      group.push_back(name);
      keys += entry.run->keys_count();
      if (group.size() == kRunsMergedMax) return group;
    }
    if (keys >= bound) return group;
  }
  return {};
}

std::vector<RunName> Index::runs() const {
  std::vector<RunName> names;
  for (const Entry& entry : runs_) names.push_back(entry.run->name());
  return names;
}

std::vector<RunName> Index::damaged() const {
  std::vector<RunName> ranges;
  for (const Damage& damage : damages_) ranges.push_back(damage.range);
  std::sort(ranges.begin(), ranges.end(), [](const RunName& a, const RunName& b) { return a.first < b.first; });
  return ranges;
}

void Index::mark_flawed(const KeyRun& run, const Error& error) {
  for (Entry& entry : runs_) {
    if (entry.run.get() != &run || entry.flawed) continue;  // gone, or known already
    entry.flawed = true;
    damages_.push_back({{std::max(run.name().first, first_retained_), run.name().end}, false, error});
  }
}

// Takes [first, end) out of what is damaged.
void Index::cut_damage(Position first, Position end) {
  std::vector<Damage> rest;
  for (const Damage& damage : damages_) {
    const RunName& range = damage.range;
    if (range.end <= first || end <= range.first) {
      rest.push_back(damage);
      continue;
    }
    if (range.first < first) rest.push_back({{range.first, first}, damage.missing, damage.error});
    if (end < range.end) rest.push_back({{end, range.end}, damage.missing, damage.error});
  }
  damages_ = std::move(rest);
}

KeyIndex::Statistics Index::statistics() const {
  Statistics s;
  s.keys = recent_.count();
  s.memory_bytes = sizeof *this + kReadsMax * kBlockBytes + recent_.memory_bytes();
  for (const Entry& entry : runs_) {
    s.keys += entry.run->keys_count();
    s.memory_bytes += entry.run->memory_bytes();
  }
  s.disk_reads = disk_reads_;
  s.filter_passes = filter_passes_;
  s.runs = runs_.size();
  s.damaged_runs = damages_.size();
  return s;
}

}  // namespace

uint64_t fingerprint(const KeySecret& secret, KeyKind kind, ByteView key) {
  uint8_t input[1 + kSignatureBytes];
  CHECK(key.size() <= kSignatureBytes);
  input[0] = static_cast<uint8_t>(kind);
  std::memcpy(input + 1, key.data(), key.size());
  uint8_t hash[crypto_shorthash_BYTES];
  static_assert(sizeof hash == 8 && crypto_shorthash_KEYBYTES == sizeof secret.bytes);
  crypto_shorthash(hash, input, 1 + key.size(), secret.bytes.data());
  return load_le<uint64_t>(hash);
}

std::array<Key, 2> keys_of(const KeySecret& secret, Position position, ByteView record) {
  CHECK(record.size() >= kRecordBytesMin);
  return {Key{fingerprint(secret, KeyKind::signature, signature_of(record)), position.value},
          Key{fingerprint(secret, KeyKind::nonce, nonce_of(record)), position.value}};
}

Result<std::unique_ptr<KeyIndex>> KeyIndex::open(io::Files& files, const std::string& directory,
                                                 const std::vector<RunName>& runs, uint64_t* bytes_read) {
  auto index = std::make_unique<Index>();
  if (const Status opened = index->open_runs(files, directory, runs, bytes_read); !opened) return fail(opened.error());
  return index;
}

Result<std::shared_ptr<const KeyRun>> KeyIndex::build(io::Files& files, const std::string& directory,
                                                      const RunName& name, std::vector<Key> keys) {
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    return a.fingerprint != b.fingerprint ? a.fingerprint < b.fingerprint : a.position < b.position;
  });
  auto writer = KeyRunWriter::start(files, directory, name, keys.size());
  if (!writer) return fail(writer.error());
  for (const Key& key : keys) {
    if (const Status added = writer->add(key); !added) return fail(added.error());
  }
  return writer->finish();
}

Result<std::shared_ptr<const KeyRun>> KeyIndex::merge(io::Files& files, const std::string& directory,
                                                      const std::vector<RunName>& from, const RunName& to,
                                                      Position first_retained) {
  return merge_runs(files, directory, from, to, first_retained);
}

}  // namespace cwtch::log
