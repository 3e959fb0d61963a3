#include "engine/client/profile.hpp"

#include <algorithm>

#include "engine/log/format.hpp"

namespace cwtch::client {

std::optional<Signature> GroupState::newest_signature() const {
  return newest == Tree::kUnknown ? std::nullopt : std::optional(messages[newest].signature);
}

void Profile::apply(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

const ServerState* Profile::server(const std::string& host) const {
  const auto found = servers_.find(host);
  return found == servers_.end() ? nullptr : &found->second;
}

const GroupState* Profile::group(const GroupId& id) const {
  const auto found = group_numbers_.find(id);
  return found == group_numbers_.end() ? nullptr : &groups_[found->second];
}

std::vector<const MessageStored*> Profile::broken_promises(const GroupId& id) const {
  std::vector<const MessageStored*> broken;
  const GroupState* const state = group(id);
  const ServerState* const server = state == nullptr ? nullptr : this->server(state->group.server);
  if (server == nullptr) return broken;
  for (const MessageStored& message : state->messages) {
    if (!message.acknowledged || message.position >= server->reached.position) continue;
    const bool retired = std::any_of(server->missed.begin(), server->missed.end(), [&](const Missed& missed) {
      return message.position >= missed.from && message.position < missed.to;
    });
    if (!retired) broken.push_back(&message);
  }
  return broken;
}

void Profile::on(const ServerAdded& event) {
  ServerState& server = servers_[event.host];
  server.host = event.host;
  server.url = event.url;
}

void Profile::on(const GroupJoined& event) {
  const auto [place, inserted] = group_numbers_.try_emplace(event.group.id, groups_.size());
  if (!inserted) return;
  ServerState& server = servers_[event.group.server];
  server.host = event.group.server;
  server.groups += 1;
  if (!event.fresh) {
    server.sealed = server.reached = {};
    server.index = {};
  }
  GroupState& state = groups_.emplace_back();
  state.group.id = event.group.id;
  state.group.key = event.group.key.clone();
  state.group.server = event.group.server;
  state.group.name = event.group.name;
}

void Profile::on(const Composed& event) { outbox_.push_back(event); }

void Profile::on(const Refused& event) { leave_outbox(event.signature); }

void Profile::leave_outbox(const Signature& signature) {
  const auto found = std::find_if(outbox_.begin(), outbox_.end(), [&](const Composed& composed) {
    return equal_vartime(log::signature_of(composed.record), signature);
  });
  if (found == outbox_.end()) return;
  obsolete_bytes_ += found->record.size();
  outbox_.erase(found);
}

void Profile::on(const MessageStored& event) {
  leave_outbox(event.signature);
  const auto number = group_numbers_.find(event.group);
  if (number == group_numbers_.end()) return;
  GroupState& state = groups_[number->second];
  servers_[state.group.server].wanted.stored(event.group, event.position);
  const size_t known = state.tree.find(event.signature);
  if (known == Tree::kUnknown) {
    state.tree.add(event.signature, event.previous, event.author, event.position);
    state.messages.push_back(event);
    state.positions.insert(event.position);
    const bool first = state.newest == Tree::kUnknown;
    if (first || event.position >= state.messages[state.newest].position) state.newest = state.messages.size() - 1;
  } else if (state.messages[known].acknowledged && !event.acknowledged) {
    // What we posted stands in the log: its place there is the truth.
    state.positions.erase(state.messages[known].position);
    state.positions.insert(event.position);
    state.messages[known].acknowledged = false;
    state.messages[known].position = event.position;
    const auto earlier = [](const MessageStored& a, const MessageStored& b) { return a.position < b.position; };
    const auto last = std::max_element(state.messages.begin(), state.messages.end(), earlier);
    state.newest = static_cast<size_t>(last - state.messages.begin());
    obsolete_bytes_ += sizeof(MessageStored);
  }
}

void Profile::on(const Synced& event) {
  ServerState& server = servers_[event.host];
  server.host = event.host;
  obsolete_bytes_ += sizeof(Synced);
  if (event.groups < server.groups) return;
  if (event.reached < server.reached.position) return;  // another process was faster
  server.reached = {event.reached, event.reached_chain};
  server.wanted.forget(0, event.reached);  // what is there was seen
  if (event.sealed >= server.sealed.position) server.sealed = {event.sealed, event.sealed_chain};
}

void Profile::on(const Missed& event) {
  servers_[event.host].wanted.forget(event.from, event.to);
  std::vector<Missed>& missed = servers_[event.host].missed;
  for (const Missed& m : missed) {
    if (m.from == event.from && m.to == event.to) return;
  }
  missed.push_back(event);
}

void Profile::on(const IndexSeen& event) {
  ServerState& server = servers_[event.host];
  server.host = event.host;
  obsolete_bytes_ += encode(event).size();
  if (event.groups < server.groups) return;
  if (event.reached.position < server.index.reached.position) return;  // another process was faster
  server.index = {event.sealed, event.reached, event.row_bytes, event.windows};
}

void Profile::on(const RecordWanted& event) {
  const auto number = group_numbers_.find(event.group);
  if (number == group_numbers_.end()) return;
  const GroupState& state = groups_[number->second];
  obsolete_bytes_ += sizeof(RecordWanted);  // soon
  if (state.positions.count(event.position) == 0) servers_[state.group.server].wanted.apply(event);
}

void Profile::on(const RecordSettled& event) {
  const auto number = group_numbers_.find(event.group);
  if (number != group_numbers_.end()) servers_[groups_[number->second].group.server].wanted.apply(event);
}

void Profile::on(const Polled& event) {
  ServerState& server = servers_[event.host];
  server.host = event.host;
  obsolete_bytes_ += sizeof(Polled);
  if (event.next_hour != 0) server.polls.next_hour = event.next_hour;
  if (event.day != 0) server.polls.day = event.day;
}

std::vector<Bytes> Profile::events(bool messages) const {
  std::vector<Bytes> events;
  for (const auto& [host, server] : servers_) {
    events.push_back(encode(ServerAdded{host, server.url}));
    if (server.polls.next_hour != 0 || server.polls.day != 0)
      events.push_back(encode(Polled{host, server.polls.next_hour, server.polls.day}));
    if (!messages) continue;
    for (const Missed& missed : server.missed) events.push_back(encode(missed));
  }
  for (const GroupState& state : groups_) {
    const Group& group = state.group;
    events.push_back(encode(GroupJoined{{group.id, group.key.clone(), group.server, group.name}}));
    if (!messages) continue;
    for (const MessageStored& message : state.messages) events.push_back(encode(message));
  }
  for (const auto& [host, server] : servers_) {  // behind the groups, which set it back
    if (!messages) continue;
    if (server.reached.position != 0)
      events.push_back(encode(Synced{host, server.sealed.position, server.sealed.chain, server.reached.position,
                                     server.reached.chain, server.groups}));
    if (server.index.row_bytes != 0)
      events.push_back(encode(IndexSeen{host, server.index.sealed, server.index.reached, server.index.row_bytes,
                                        server.groups, server.index.windows}));
    for (const Event& event : server.wanted.events()) events.push_back(encode(event));
  }
  for (const Composed& composed : outbox_) events.push_back(encode(composed));
  return events;
}

}  // namespace cwtch::client
