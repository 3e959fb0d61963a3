#include "engine/client/pull.hpp"

#include <algorithm>

#include "engine/client/message.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kEventsPerSave = 512;
constexpr uint64_t kBytesPerSave = 64 << 20;  // what an interruption may cost at most, if boundaries are that near
constexpr uint64_t kRecordsPerProgress = 256;
constexpr uint64_t kRecordsPerList = 4096;  // of a followed log, before its boundary moves on
constexpr size_t kAnchorsMax = 64 * 1024;   // 16 GiB of log at the usual chunk size
constexpr int kListsMax = 4;                // while segments are merged under us

RecordStream stream_from(const ServerState* state, const SegmentList& list, bool from_reached) {
  const Known sealed = state == nullptr ? Known{} : state->sealed;
  const Known reached = state == nullptr ? Known{} : state->reached;
  const Known known = from_reached && reached.position > sealed.position ? reached : sealed;
  // What retention has taken is skipped; nobody can tell us the chain there but the first anchor.
  if (list.first_retained > known.position) return RecordStream({list.first_retained}, std::nullopt);
  return RecordStream({known.position}, known.chain);
}

}  // namespace

Pull::Pull(Store& store, std::string host, SegmentList list, bool from_reached)
    : store_(store),
      host_(std::move(host)),
      list_(std::move(list)),
      keyring_(host_),
      stream_(stream_from(store.profile().server(host_), list_, from_reached)) {
  if (const ServerState* const state = store.profile().server(host_)) {
    sealed_ = state->sealed;
    reached_ = state->reached;
  }
  passed_ = kept_sealed_ = sealed_;
  kept_reached_ = reached_;
  if (list_.first_retained > reached_.position)
    events_.emplace_back(Missed{host_, reached_.position, list_.first_retained});
  groups_ = keyring_.add_all(store.profile());
  find_boundaries();
}

void Pull::find_boundaries() {
  boundaries_.clear();
  boundary_ = 0;
  for (const SealedSegment& segment : list_.segments) {
    if (segment.last + 1 > position()) boundaries_.push_back(segment.last + 1);
  }
}

void Pull::passed(Known boundary) {
  passed_ = boundary;
  std::erase_if(anchors_, [&](const Known& anchor) { return anchor.position <= boundary.position; });
}

void Pull::show_progress() {
  if (on_progress) on_progress({report_.records, std::max(records_total, report_.records), bytes_});
}

// ---- what the stream shows ----

void Pull::anchor(log::Position position, uint32_t chain) {
  if (anchors_.size() < kAnchorsMax && position.value > passed_.position) anchors_.push_back({position.value, chain});
}

Status Pull::record(log::Position position, ByteView record, uint32_t chain) {
  report_.records += 1;
  const uint64_t next = position.value + 1;
  // What we have seen before must be what we saw. A CRC shows this of a careless server; one that plans can steer it.
  if (next == reached_.position && chain != reached_.chain)
    return fail(Errc::corrupt, "server: it has changed records that it served before. Do not trust it any more");
  if (position.value >= reached_.position) take(position, record);
  if (boundary_ < boundaries_.size() && next == boundaries_[boundary_]) {
    boundary_ += 1;
    passed({next, chain});
  }
  if (report_.records % kRecordsPerProgress == 0) show_progress();
  return {};
}

void Pull::take(log::Position position, ByteView record) {
  for (size_t match = keyring_.match(record); match != Keyring::kNone; match = keyring_.match(record, match + 1)) {
    const GroupState* const state = store_.profile().group(groups_[match]);
    Result<Opened> opened = open(state->group, record);
    if (!opened) {
      if (opened.error().code != Errc::not_found) report_.unreadable += 1;
      continue;
    }
    MessageStored stored = stored_message(state->group.id, record, std::move(*opened));
    stored.position = position.value;
    report_.own_bytes += record.size();
    if (state->tree.find(stored.signature) == Tree::kUnknown) report_.messages += 1;
    events_.emplace_back(std::move(stored));
    return;
  }
}

// Messages first, then how far we are: a crash in between finds them again, and misses nothing.
Status Pull::save(bool last) {
  const bool moved = position() > kept_reached_.position || passed_.position > kept_sealed_.position;
  if (events_.empty() && !moved && !(last && kept_relaxed_)) return {};
  const size_t found = events_.size();
  // reached_ is where we had been before this pull: until it is passed again there is nothing to tell.
  if (stream_.chain() && position() >= reached_.position) {
    events_.emplace_back(Synced{host_, passed_.position, passed_.chain, position(), *stream_.chain(),
                                static_cast<uint32_t>(groups_.size())});
  }
  if (const Status kept = store_.commit(events_, last ? Store::Keep::durable : Store::Keep::relaxed); !kept) {
    events_.resize(found);
    return kept;
  }
  kept_bytes_ = bytes_;
  kept_sealed_ = passed_;
  kept_reached_.position = std::max(kept_reached_.position, position());
  kept_relaxed_ = !last;
  for (const Event& event : std::exchange(events_, {})) {
    if (const auto* const message = std::get_if<MessageStored>(&event); message != nullptr && on_message)
      on_message(*message);
  }
  return {};
}

// ---- the schemes ----

// Reads the answer's content to its end. What arrived before the connection failed is kept; what arrived before the
// server broke a promise is not, so that the same is found again.
Status Pull::read_content(ServerLink& link, const std::function<Status()>& after_each) {
  while (true) {
    const Result<size_t> got = link.read(stream_.room());
    if (!got) {
      (void)save(false);
      return fail(got.error());
    }
    if (*got == 0) break;
    bytes_ += *got;
    if (const Status read = stream_.received(*got, *this); !read) return read;
    if (after_each) {
      if (const Status done = after_each(); !done) return done;
    }
    if (events_.size() >= kEventsPerSave || bytes_ - kept_bytes_ >= kBytesPerSave) {
      if (const Status kept = save(false); !kept) return kept;
    }
  }
  if (!stream_.between_frames()) return fail(Errc::corrupt, "server: its log ends inside a frame");
  return {};
}

Status Pull::read_log(ServerLink& link, std::optional<uint64_t> to) {
  std::string target = "/v1/log?from=" + std::to_string(position());
  if (to) target += "&to=" + std::to_string(*to);
  if (const Status got = link.get(target); !got) return got;
  if (const Status read = read_content(link, nullptr); !read) return read;
  if (to && position() != *to) return fail(Errc::corrupt, "server: it did not send what was asked for");
  return {};
}

Status Pull::follow_log(ServerLink& link, ServerLink& lists) {
  if (const Status got = link.get("/v1/log?from=" + std::to_string(position()) + "&follow=1"); !got) return got;
  uint64_t listed = report_.records;
  const Status read = read_content(link, [&]() -> Status {
    if (report_.records - listed >= kRecordsPerList) {
      listed = report_.records;
      if (const Status moved = move_boundary(lists); !moved) return moved;
    }
    return events_.empty() ? Status() : save(false);
  });
  if (!read) return read;
  return fail(Errc::closed, "server: it ended the log that we follow");
}

// A follower passes boundaries before they are ones. So that it need not come back to where it began, it asks now and
// then where segments begin by now, and looks for those places among the anchors that it saw.
Status Pull::move_boundary(ServerLink& lists) {
  const Result<SegmentList> list = lists.segments();
  lists.disconnect();
  if (!list) return list.error().code == Errc::cancelled ? Status(fail(list.error())) : Status();  // another time
  const uint64_t boundary = list->boundary_at(position());
  const auto seen =
      std::find_if(anchors_.begin(), anchors_.end(), [&](const Known& anchor) { return anchor.position == boundary; });
  if (seen != anchors_.end()) passed(*seen);
  return {};
}

Status Pull::read_segment(ServerLink& link, const SealedSegment& segment) {
  const Status read = link.segment(segment, stream_, *this, [&](size_t bytes) { bytes_ += bytes; });
  if (!read && read.error().code != Errc::corrupt) (void)save(false);
  return read;
}

Status Pull::read_sealed(ServerLink& link) {
  for (const SealedSegment& segment : list_.segments) {
    if (segment.last < position()) continue;
    // Merged since we were here: the part of it that we lack, from a boundary that stays one.
    const Status read = segment.first == position() ? read_segment(link, segment) : read_log(link, segment.last + 1);
    if (!read) return read;
    if (const Status kept = save(false); !kept) return kept;
  }
  return {};
}

Status Pull::read_segments(ServerLink& link) {
  for (int lists = 0;; ++lists) {
    const Status read = read_sealed(link);
    if (read) break;
    // A segment of the list is gone when it was merged just now; the next list has it under another name.
    if (read.error().code != Errc::not_found || lists == kListsMax) return read;
    Result<SegmentList> list = link.segments();
    if (!list) return fail(list.error());
    list_ = std::move(*list);
    find_boundaries();
  }
  return read_log(link);
}

}  // namespace cwtch::client
