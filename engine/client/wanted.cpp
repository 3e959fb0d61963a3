#include "engine/client/wanted.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::client {

bool WantedQueue::accepts(const RecordWanted& event) const {
  const auto found = groups_.find(event.group);
  if (found == groups_.end()) return true;
  const GroupQueue& group = found->second;
  const auto place = group.places.find(event.position);
  // One position has one name: a server that says another one later is not believed.
  if (place != group.places.end()) return place->second.name == event.name && event.tries > place->second.tries;
  const auto name = group.names.find(name_of(event));
  if (name != group.names.end() && (name->second.settled || name->second.count == kPlacesMax)) return false;
  return event.tries >= kTriesMax || group.waiting.size() < kWaitingMax || event.position > *group.waiting.begin();
}

void WantedQueue::apply(const RecordWanted& event) {
  if (!accepts(event)) return;
  GroupQueue& group = groups_[event.group];
  const auto [place, inserted] = group.places.try_emplace(event.position, event);
  if (!inserted) {  // it was fetched, in vain
    place->second.tries = event.tries;
    if (event.tries >= kTriesMax) group.waiting.erase(event.position);
    return served(event.group, group);
  }
  Places& places = group.names[name_of(event)];
  places.positions[places.count++] = event.position;
  if (event.tries >= kTriesMax) return;
  if (group.waiting.empty()) turns_.push_back(event.group);
  group.waiting.insert(event.position);
  if (group.waiting.size() > kWaitingMax) remove(group, group.places.find(*group.waiting.begin()));
}

void WantedQueue::apply(const RecordSettled& event) {
  settle(event.group, groups_[event.group], {event.tagged, event.unique});
}

void WantedQueue::stored(const GroupId& id, uint64_t position) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  const auto place = found->second.places.find(position);
  if (place != found->second.places.end()) settle(id, found->second, name_of(place->second));
}

void WantedQueue::settle(const GroupId& id, GroupQueue& group, const Name& name) {
  Places& places = group.names[name];
  places.settled = true;
  bool waited = false;
  while (places.count > 0) {
    const uint64_t position = places.positions[--places.count];
    group.places.erase(position);
    waited |= group.waiting.erase(position) > 0;
  }
  if (waited) served(id, group);
}

void WantedQueue::forget(uint64_t from, uint64_t to) {
  for (auto& [id, group] : groups_) {
    for (auto place = group.places.lower_bound(from); place != group.places.end() && place->first < to;) {
      remove(group, place++);
    }
  }
  std::erase_if(turns_, [this](const GroupId& id) { return groups_[id].waiting.empty(); });
}

// Of a name with other positions, or with none: then the name is forgotten, too.
void WantedQueue::remove(GroupQueue& group, std::map<uint64_t, RecordWanted>::iterator place) {
  const auto name = group.names.find(name_of(place->second));
  CHECK(name != group.names.end());
  Places& places = name->second;
  const auto end = places.positions.begin() + static_cast<ptrdiff_t>(places.count);
  places.count -= static_cast<size_t>(end - std::remove(places.positions.begin(), end, place->first));
  if (places.count == 0) group.names.erase(name);
  group.waiting.erase(place->first);
  group.places.erase(place);
}

void WantedQueue::served(const GroupId& id, const GroupQueue& group) {
  const auto turn = std::find(turns_.begin(), turns_.end(), id);
  if (turn == turns_.end()) return;
  turns_.erase(turn);
  if (!group.waiting.empty()) turns_.push_back(id);
}

bool WantedQueue::settled(const GroupId& id, const IndexName& name) const {
  const auto group = groups_.find(id);
  if (group == groups_.end()) return false;
  const auto places = group->second.names.find({name.tagged, name.unique()});
  return places != group->second.names.end() && places->second.settled;
}

size_t WantedQueue::waiting() const {
  size_t waiting = 0;
  for (const auto& [id, group] : groups_) waiting += group.waiting.size();
  return waiting;
}

const RecordWanted* WantedQueue::find(const GroupId& id, uint64_t position) const {
  const auto group = groups_.find(id);
  if (group == groups_.end() || group->second.waiting.count(position) == 0) return nullptr;
  return &group->second.places.at(position);
}

std::vector<std::vector<RecordWanted>> WantedQueue::turns() const {
  std::vector<std::vector<RecordWanted>> turns;
  for (const GroupId& id : turns_) {
    const GroupQueue& group = groups_.at(id);
    std::vector<RecordWanted>& records = turns.emplace_back();
    for (const uint64_t position : group.waiting) records.push_back(group.places.at(position));
  }
  return turns;
}

std::vector<Event> WantedQueue::events() const {
  std::vector<Event> events;
  const auto add_places = [&events](const GroupQueue& group) {
    for (const auto& [position, wanted] : group.places) events.emplace_back(wanted);
  };
  for (const GroupId& id : turns_) add_places(groups_.at(id));
  for (const auto& [id, group] : groups_) {
    if (group.waiting.empty()) add_places(group);
    for (const auto& [name, places] : group.names) {
      if (places.settled) events.emplace_back(RecordSettled{id, name.first, name.second});
    }
  }
  return events;
}

}  // namespace cwtch::client
