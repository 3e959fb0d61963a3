#include "tools/replay/members.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "engine/client/conversation.hpp"
#include "engine/io/files.hpp"

namespace cwtch::replay {
namespace {

constexpr size_t kUntaggedEvery = 3;  // of a group's senders, from the second on

SystemRandom g_random;

[[noreturn]] void fail_with(const std::string& what, const Error& error) {
  throw std::runtime_error(what + ": " + error.message());
}

void commit(client::Store& store, client::Event event) {
  std::vector<client::Event> events;
  events.push_back(std::move(event));
  if (const Status kept = store.commit(events, client::Store::Keep::relaxed); !kept)
    fail_with(store.directory(), kept.error());
}

}  // namespace

client::Endpoint endpoint_of(const std::string& url) {
  Result<client::Endpoint> endpoint = client::parse_endpoint(url);
  if (!endpoint) fail_with(url, endpoint.error());
  return *endpoint;
}

uint64_t now_s() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

void pause_ms(uint32_t milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

std::unique_ptr<Member> make_member(const std::string& directory, const std::string& name, const std::string& host,
                                    const std::string& url) {
  auto member = std::make_unique<Member>();
  member->name = name;
  Result<std::unique_ptr<client::Store>> store = client::Store::create(io::system_files(), g_random, directory);
  if (!store) fail_with(directory, store.error());
  member->store = std::move(*store);
  commit(*member->store, client::ServerAdded{host, url});
  return member;
}

void join(Member& member, const std::string& invite) {
  Result<client::Group> group = client::group_of_invite(invite);
  if (!group) fail_with("invite", group.error());
  commit(*member.store, client::GroupJoined{std::move(*group)});
}

Cast make_cast(const trace::Trace& trace, const std::string& directory, const std::string& host,
               const std::string& url) {
  Cast cast;
  cast.members_of.resize(trace.groups_count);
  cast.group_ids.resize(trace.groups_count);
  cast.invites.resize(trace.groups_count);
  cast.said.resize(trace.groups_count);
  for (uint32_t i = 0; i < trace.groups_count; ++i) cast.said_mutex.push_back(std::make_unique<std::mutex>());
  for (size_t i = 0; i < trace.senders.size(); ++i)
    cast.senders.push_back(make_member(fmt::format("{}/{}", directory, i), trace.senders[i], host, url));
  for (const trace::Message& message : trace.messages) {
    std::vector<uint32_t>& members = cast.members_of[message.group];
    if (std::find(members.begin(), members.end(), message.sender) != members.end()) continue;
    Member& member = *cast.senders[message.sender];
    if (members.empty()) {
      Result<client::Group> group = client::create_group(host, fmt::format("group {}", message.group), g_random);
      if (!group) fail_with("group", group.error());
      cast.group_ids[message.group] = group->id;
      cast.invites[message.group] = client::invite_of(*group);
      commit(*member.store, client::GroupJoined{std::move(*group)});
    } else {
      join(member, cast.invites[message.group]);
    }
    members.push_back(message.sender);
  }
  return cast;
}

client::Form form_of(const Cast& cast, uint32_t group, uint32_t sender) {
  const std::vector<uint32_t>& members = cast.members_of[group];
  const auto number = static_cast<size_t>(std::find(members.begin(), members.end(), sender) - members.begin());
  return number % kUntaggedEvery == 1 ? client::Form::untagged : client::Form::tagged;
}

PostFigures post_all(const trace::Trace& trace, Cast& cast, const std::string& host, const std::string& url,
                     uint32_t threads, std::atomic<uint64_t>& done) {
  const auto started = std::chrono::steady_clock::now();
  std::atomic<uint64_t> posts = 0, untagged_posts = 0;
  std::vector<std::thread> workers;
  std::vector<std::string> failures(threads);
  for (uint32_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      client::SocketDialer dialer({});
      const client::Endpoint endpoint = endpoint_of(url);
      SystemRandom random;
      try {
        // A group belongs to one thread, so that its messages keep their order; a sender may be in several.
        for (const trace::Message& message : trace.messages) {
          if (message.group % threads != t) continue;
          Member& member = *cast.senders[message.sender];
          const std::lock_guard lock(member.mutex);
          client::Client client(
              *member.store, random, dialer, endpoint, host,
              {.allow_leaky = false, .now_s = &now_s, .pause_ms = &pause_ms, .posts = client::Store::Keep::relaxed});
          const client::Form form = form_of(cast, message.group, message.sender);
          const Result<std::vector<uint64_t>> positions =
              client.post(cast.group_ids[message.group], message.text, form);
          if (!positions) fail_with(member.name + " posts", positions.error());
          posts += positions->size();
          if (form == client::Form::untagged) untagged_posts += positions->size();
          const std::lock_guard said_lock(*cast.said_mutex[message.group]);
          cast.said[message.group].push_back({positions->back(), message.sender, form, message.text});
          done += 1;
        }
      } catch (const std::exception& e) {
        failures[t] = e.what();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (const std::string& failure : failures)
    if (!failure.empty()) throw std::runtime_error(failure);
  for (std::vector<Said>& said : cast.said)
    std::sort(said.begin(), said.end(), [](const Said& a, const Said& b) { return a.position < b.position; });
  return {trace.messages.size(), posts, untagged_posts,
          std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()};
}

std::string compare(const client::Store& store, const Cast& cast, uint32_t group) {
  const client::GroupState* const state = store.profile().group(cast.group_ids[group]);
  if (state == nullptr) return "not in the group";
  const std::vector<client::Line> lines = client::conversation(*state);
  const std::vector<Said>& said = cast.said[group];
  for (size_t i = 0; i < std::min(lines.size(), said.size()); ++i) {
    if (!lines[i].complete()) return fmt::format("text {} is incomplete", i);
    if (lines[i].position != said[i].position)
      return fmt::format("text {} stands at {}, not {}", i, lines[i].position, said[i].position);
    if (lines[i].text != said[i].text) return fmt::format("text {} is another", i);
    if (hostname_of(lines[i].author) != cast.senders[said[i].author]->store->identity().hostname())
      return fmt::format("text {} has another author", i);
  }
  if (lines.size() != said.size()) return fmt::format("{} texts instead of {}", lines.size(), said.size());
  if (!state->tree.gaps().empty()) return "the message tree has gaps";
  return "";
}

}  // namespace cwtch::replay
