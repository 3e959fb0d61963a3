// One synchronisation under way: takes the server's bytes, checks them, finds the messages of our groups, and keeps
// them and how far it got. What was kept is never fetched for nothing: an interrupted one goes on at the newest
// segment boundary that it passed.
//
// Every request names public positions only (but see `from_reached`), so the server learns roughly when this profile
// was here last, and nothing about its groups: whatever it finds, it asks for the same things.
#pragma once

#include <functional>

#include "engine/client/keyring.hpp"
#include "engine/client/record_stream.hpp"
#include "engine/client/server_link.hpp"
#include "engine/client/store.hpp"

namespace cwtch::client {

struct Progress {
  uint64_t records_done = 0, records_total = 0;
  uint64_t bytes = 0;
};

struct SyncReport {
  uint64_t records = 0;     // looked at
  uint64_t messages = 0;    // of our groups, new to us
  uint64_t unreadable = 0;  // opened with a group's key, and yet no message: a member's fault, not the server's
  uint64_t bytes = 0;       // received
  uint64_t own_bytes = 0;   // of records that were ours to read
};

class Pull final : private RecordStream::Visitor {
 public:
  // `from_reached`: not from a boundary, but from where we stopped.
  Pull(Store& store, std::string host, SegmentList list, bool from_reached);

  uint64_t position() const { return stream_.position().value; }  // of the next record
  const SyncReport& report() const { return report_; }

  std::function<void(const Progress&)> on_progress;
  uint64_t records_total = 0;  // for on_progress
  // Each message of our groups behind what was known, once it is kept.
  std::function<void(const MessageStored&)> on_message;

  // Everything behind position() in one answer, up to `to` or the end.
  Status read_log(ServerLink& link, std::optional<uint64_t> to = {});
  // The same, and then what arrives, until an error. `lists`: a link by which to ask now and then for the segments.
  Status follow_log(ServerLink& link, ServerLink& lists);
  // Whole sealed files, each checked against its hash, then the tail.
  Status read_segments(ServerLink& link);

  // Keeps what was found and how far it is, if there is anything new. The last one is durable.
  Status save(bool last);

 private:
  Status record(log::Position position, ByteView record, uint32_t chain) override;
  void anchor(log::Position position, uint32_t chain) override;
  void take(log::Position position, ByteView record);
  void passed(Known boundary);
  Status read_content(ServerLink& link, const std::function<Status()>& after_each);
  Status read_segment(ServerLink& link, const SealedSegment& segment);
  Status read_sealed(ServerLink& link);
  Status move_boundary(ServerLink& lists);
  void find_boundaries();
  void show_progress();

  Store& store_;
  const std::string host_;
  SegmentList list_;
  Keyring keyring_;
  std::vector<GroupId> groups_;  // as the keyring numbers them
  Known sealed_, reached_;       // what was known before
  RecordStream stream_;
  std::vector<uint64_t> boundaries_;  // ahead of us, by position
  size_t boundary_ = 0;               // the next of them
  Known passed_;                      // the newest boundary behind us
  std::vector<Known> anchors_;        // seen since: a later list may make boundaries of them
  std::vector<Event> events_;         // not yet kept
  SyncReport report_;
  uint64_t bytes_ = 0;
  uint64_t kept_bytes_ = 0;  // of them, when save() last kept something
  Known kept_sealed_, kept_reached_;
  bool kept_relaxed_ = false;
};

}  // namespace cwtch::client
