// What a profile knows: servers, groups, messages, what is on its way. A pure state machine over events (events.hpp):
// no I/O, no clock; the same events give the same state.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/client/events.hpp"
#include "engine/client/tree.hpp"
#include "engine/client/wanted.hpp"

namespace cwtch::client {

struct Known {
  uint64_t position = 0;
  uint32_t chain = 0;
};

struct IndexKnown {
  IndexPlace sealed;       // where the next reading begins
  IndexPlace reached;      // what is known already
  uint32_t row_bytes = 0;  // 0: nothing is
  WindowsRead windows;
};

// What a program that is started again must not do twice.
struct PollsMade {
  uint32_t next_hour = 0;  // no poll is due before it; since 1970
  uint32_t day = 0;        // of the last batch of a day; since 1970
};

struct ServerState {
  std::string host;
  std::string url;
  Known sealed;   // where the next synchronisation begins
  Known reached;  // what is known already
  std::vector<Missed> missed;
  IndexKnown index;
  WantedQueue wanted;
  PollsMade polls;
  uint32_t groups = 0;  // of this profile, on this server
};

struct GroupState {
  Group group;
  Tree tree;                               // numbers messages as `messages` does
  std::vector<MessageStored> messages;     // in the order in which they became known
  std::unordered_set<uint64_t> positions;  // of the messages
  size_t newest = Tree::kUnknown;          // the number of the message with the highest position
  // What the next message of ours names as its predecessor.
  std::optional<Signature> newest_signature() const;
};

class Profile {
 public:
  // Applying an event twice changes nothing: two processes may learn the same thing.
  void apply(const Event& event);

  const std::map<std::string, ServerState>& servers() const { return servers_; }
  const ServerState* server(const std::string& host) const;
  // In the order in which they were joined.
  const std::deque<GroupState>& groups() const { return groups_; }
  const GroupState* group(const GroupId& id) const;
  // Messages of ours in this group that the server acknowledged and then did not have where it had said.
  std::vector<const MessageStored*> broken_promises(const GroupId& id) const;
  // Messages made and not yet acknowledged, oldest first.
  const std::deque<Composed>& outbox() const { return outbox_; }

  // The events that make a profile like this one; without `messages` it has servers, groups and outbox only, and every
  // log is unknown to it.
  std::vector<Bytes> events(bool messages) const;
  // Bytes of frames that a rewrite would save, roughly.
  uint64_t obsolete_bytes() const { return obsolete_bytes_; }

 private:
  void on(const ServerAdded& event);
  void on(const GroupJoined& event);
  void on(const Composed& event);
  void on(const Refused& event);
  void on(const MessageStored& event);
  void on(const Synced& event);
  void on(const Missed& event);
  void on(const IndexSeen& event);
  void on(const RecordWanted& event);
  void on(const RecordSettled& event);
  void on(const Polled& event);
  void leave_outbox(const Signature& signature);

  std::map<std::string, ServerState> servers_;
  std::deque<GroupState> groups_;
  std::map<GroupId, size_t> group_numbers_;
  std::deque<Composed> outbox_;
  uint64_t obsolete_bytes_ = 0;
};

}  // namespace cwtch::client
