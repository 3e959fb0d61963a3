#include "engine/client/index_pull.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/client/mutant.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kEventsPerSave = 512;
constexpr size_t kReceiveBytes = 256 * 1024;
constexpr size_t kWindowsKept = 3 * pir::kWindowsMax;  // a server may be late with what it lists

IndexKnown known_of(const Profile& profile, const std::string& host) {
  const ServerState* const state = profile.server(host);
  return state == nullptr ? IndexKnown{} : state->index;
}

IndexStream stream_from(const IndexKnown& known, const SegmentList& list, uint64_t end_row) {
  // Nothing is known, or retention took it, or other databases end before it: then all of it.
  if (known.row_bytes == 0 || list.first_retained > known.sealed.position || known.sealed.row > end_row)
    return IndexStream(list.first_retained, {});
  const IndexPlace& from = mutant(Mutant::index_from_last_position) ? known.reached : known.sealed;
  return IndexStream(from.position, IndexStream::Known{from.row, known.row_bytes});
}

}  // namespace

IndexPull::IndexPull(Store& store, std::string host, SegmentList list, uint64_t end_row)
    : store_(store),
      host_(std::move(host)),
      list_(std::move(list)),
      end_row_(end_row),
      keyring_(host_),
      known_(known_of(store.profile(), host_)),
      stream_(stream_from(known_, list_, end_row)),
      block_first_(stream_.first().position) {
  groups_ = keyring_.add_all(store.profile());
  if (const ServerState* const state = store.profile().server(host_)) log_known_ = state->reached.position;
  for (const SealedSegment& segment : list_.segments) boundaries_.insert(segment.first);
  boundaries_.insert(list_.tail_first);
  tail_begun_ = place().position == list_.tail_first;
  expect_missing();
}

// What retention took before it was looked at, and what waited too long.
void IndexPull::expect_missing() {
  const uint64_t known = std::max(known_.reached.position, log_known_);
  if (list_.first_retained > known) events_.emplace_back(Missed{host_, known, list_.first_retained});
  const ServerState* const state = store_.profile().server(host_);
  if (state == nullptr) return;
  // One stretch for all of it, however much that was.
  uint64_t from = list_.first_retained, to = 0;
  for (const auto& records : state->wanted.turns()) {
    for (const RecordWanted& wanted : records) {
      if (wanted.position >= list_.first_retained) break;
      from = std::min(from, wanted.position);
      to = std::max(to, wanted.position + 1);
    }
  }
  if (from < to) events_.emplace_back(Missed{host_, from, to});
}

// Where to read on; corrupt: the server's log has become shorter.
Result<std::string> IndexPull::target(uint64_t committed_end) const {
  if (committed_end < known_.reached.position)
    return fail(Errc::corrupt, "server: its log is shorter than it was. It has lost records, or hides them from you");
  return "/v1/index?from=" + std::to_string(place().position);
}

Status IndexPull::read(ServerLink& link, uint64_t committed_end, Store::Keep keep) {
  const Result<std::string> target = this->target(committed_end);
  if (!target) return fail(target.error());
  if (const Status got = link.get(*target); !got) return got;
  Bytes room(kReceiveBytes);
  while (true) {
    const Result<size_t> got = link.read(room);
    if (!got) {
      (void)save(Store::Keep::relaxed);
      return fail(got.error());
    }
    if (*got == 0) break;
    if (const Status taken = stream_.received(ByteView(room).first(*got), *this); !taken) return taken;
  }
  return finish(committed_end, keep);
}

Result<Bytes> IndexPull::fetch_sealed(ServerLink& link, uint64_t committed_end, uint64_t bytes_max) {
  const Result<std::string> target = this->target(committed_end);
  if (!target) return fail(target.error());
  return link.document(*target + "&sealed", bytes_max);
}

Status IndexPull::take_sealed(ByteView bytes, Store::Keep keep) {
  if (const Status taken = stream_.received(bytes, *this); !taken) return taken;
  return finish(list_.tail_first, keep);
}

Status IndexPull::finish(uint64_t committed_end, Store::Keep keep) {
  if (const Status whole = stream_.finish(); !whole) return whole;
  if (place().position < committed_end)
    return fail(Errc::corrupt, "server: its index ends before where it said its log ends");
  if (!tail_begun_) return fail(Errc::corrupt, "server: its index has no place where it said its tail begins");
  return save(keep);
}

// ---- what the stream shows ----

void IndexPull::entry(const log::IndexEntry& entry) {
  if (!status_) return;
  report_.records += 1;
  const uint64_t position = entry.position.value;
  if (position == known_.reached.position && entry.row != known_.reached.row)
    status_ = fail(Errc::corrupt, "server: its index is not the one that it served before");
  if (!beyond_ && entry.row + entry.rows > end_row_) beyond_ = position;
  const size_t match = entry.tagged ? keyring_.match_entry(entry.bytes) : keyring_.match_probe(entry.bytes);
  if (match != Keyring::kNone) want(groups_[match], entry);
  if (events_.size() >= kEventsPerSave && status_) {
    status_ = store_.commit(events_, Store::Keep::relaxed);
    events_.clear();
  }
}

void IndexPull::want(const GroupId& group, const log::IndexEntry& entry) {
  const uint64_t position = entry.position.value;
  const IndexName name(entry);
  const WantedQueue& wanted = store_.profile().server(host_)->wanted;
  if (store_.profile().group(group)->positions.count(position) != 0) {
    // Read already; should its name show up elsewhere, that is a copy.
    if (!wanted.settled(group, name)) events_.emplace_back(RecordSettled{group, name.tagged, name.unique()});
    return;
  }
  if (position < log_known_) return;
  const RecordWanted event{group, position, entry.row, static_cast<uint8_t>(entry.rows), 0, name};
  const bool fresh = wanted.accepts(event);
  wanted_in_block_ += fresh || wanted.find(group, position) != nullptr;
  if (!fresh) return;
  report_.wanted += 1;
  events_.emplace_back(event);
}

Status IndexPull::block(const IndexPlace& end, uint32_t hour) {
  if (!status_) return status_;
  const uint64_t wanted = std::exchange(wanted_in_block_, 0);
  const uint64_t first = std::exchange(block_first_, end.position);
  if (hour == 0 && first < end.position && end.position <= list_.tail_first)
    return fail(Errc::corrupt, "server: its index does not say when it sealed its records");
  if (hour != 0) {
    if (windows_.empty() || windows_.back().window.hour != hour) windows_.push_back({{hour, end.row}});
    windows_.back().window.end_row = end.row;
    windows_.back().wanted += wanted;
  }
  if (end.position == known_.reached.position && end.row != known_.reached.row)
    return fail(Errc::corrupt, "server: its index is not the one that it served before");
  tail_begun_ |= end.position == list_.tail_first;
  if (boundaries_.count(end.position) != 0 && end.row <= end_row_) passed_ = end;
  return {};
}

// Those that were known, and those of this reading, which may begin inside one of them or behind all. Of a window that
// is read again the records are no fewer than they were, though most are here by now.
WindowsRead IndexPull::windows() const {
  WindowsRead now = known_.windows;
  auto& windows = now.windows;
  const uint64_t first_row = stream_.first().row;
  if ((windows.empty() ? now.first_row : windows.back().window.end_row) < first_row) now = {first_row, {}};
  std::map<uint32_t, uint64_t> wanted_before;  // by hour
  for (; !windows.empty() && windows.back().window.end_row > first_row; windows.pop_back())
    wanted_before[windows.back().window.hour] = windows.back().wanted;
  if (windows.empty()) now.first_row = std::min(now.first_row, first_row);
  for (const WindowRead& read : windows_) {
    if (windows.empty() || windows.back().window.hour != read.window.hour) windows.push_back({read.window});
    windows.back().window.end_row = read.window.end_row;
    windows.back().wanted += read.wanted;
  }
  for (WindowRead& read : windows) {
    if (const auto before = wanted_before.find(read.window.hour); before != wanted_before.end())
      read.wanted = std::max(read.wanted, before->second);
  }
  const size_t old = windows.size() - std::min(windows.size(), kWindowsKept);
  if (old > 0) now.first_row = windows[old - 1].window.end_row;
  windows.erase(windows.begin(), windows.begin() + static_cast<ptrdiff_t>(old));
  return now;
}

// Wanted records first, then how far we are: a crash in between finds them again, and misses nothing.
Status IndexPull::save(Store::Keep keep) {
  const IndexPlace sealed = passed_.value_or(stream_.first());
  const IndexPlace reached = place().position > known_.reached.position ? place() : known_.reached;
  const bool moved = !(sealed == known_.sealed) || !(reached == known_.reached) || row_bytes() != known_.row_bytes;
  if (moved && row_bytes() != 0) {
    events_.emplace_back(
        IndexSeen{host_, sealed, reached, row_bytes(), static_cast<uint32_t>(groups_.size()), windows()});
  }
  if (events_.empty()) return {};
  if (const Status kept = store_.commit(events_, keep); !kept) return kept;
  events_.clear();
  return {};
}

}  // namespace cwtch::client
