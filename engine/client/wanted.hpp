// The records of our groups on one server that the index has shown and that were not read yet. Part of the profile: it
// changes by events only, so what is wanted survives a restart, and the same events give the same queue.
//
// What a spammer, a malicious member or the server can do with it is bounded:
//   - a name (an entry or a nonce) that is settled is never wanted again, and one name at kPlacesMax positions at most;
//   - what was fetched and is not what the index names is tried kTriesMax times in all;
//   - a group has kWaitingMax records waiting. When it has more, its oldest gives way: it is the next to be retired.
//   - groups take turns, and the one that was served last comes last. None takes another one's place or turn.
// Nothing here decides what is requested: that is the same whatever waits.
#pragma once

#include <array>
#include <map>
#include <set>
#include <vector>

#include "engine/client/events.hpp"

namespace cwtch::client {

class WantedQueue {
 public:
  static constexpr size_t kPlacesMax = 3;
  static constexpr uint8_t kTriesMax = 3;
  static constexpr size_t kWaitingMax = 1 << 16;

  // Whether apply() would change anything.
  bool accepts(const RecordWanted& event) const;
  void apply(const RecordWanted& event);
  void apply(const RecordSettled& event);
  // The log shows the record of `group` at `position`: what has its name is settled.
  void stored(const GroupId& group, uint64_t position);
  // The records at [from, to) will not be fetched: the log was read there, or is gone.
  void forget(uint64_t from, uint64_t to);

  bool settled(const GroupId& group, const IndexName& name) const;
  size_t waiting() const;
  // The waiting record of `group` at `position`, or nullptr; valid until the next change.
  const RecordWanted* find(const GroupId& group, uint64_t position) const;
  // What waits, by group: the group whose turn it is first, and of each its oldest first.
  std::vector<std::vector<RecordWanted>> turns() const;
  // The events that make a queue like this one.
  std::vector<Event> events() const;

 private:
  using Name = std::pair<bool, ByteArray<log::kNonceBytes>>;  // tagged, unique part
  struct Places {
    std::array<uint64_t, kPlacesMax> positions{};
    size_t count = 0;
    bool settled = false;
  };
  struct GroupQueue {
    std::map<uint64_t, RecordWanted> places;  // by position; also what was tried kTriesMax times
    std::set<uint64_t> waiting;               // of these, the ones still to be fetched
    std::map<Name, Places> names;
  };

  static Name name_of(const RecordWanted& wanted) { return {wanted.name.tagged, wanted.name.unique()}; }
  void settle(const GroupId& id, GroupQueue& group, const Name& name);
  void remove(GroupQueue& group, std::map<uint64_t, RecordWanted>::iterator place);
  void served(const GroupId& id, const GroupQueue& group);

  std::map<GroupId, GroupQueue> groups_;
  std::vector<GroupId> turns_;  // groups with something waiting, in the order of their turns
};

}  // namespace cwtch::client
