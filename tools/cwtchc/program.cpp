#include "tools/cwtchc/program.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/io/files.hpp"
#include "tools/common/progress.hpp"
#include "tools/cwtchc/output.hpp"
#include "tools/cwtchc/plural.hpp"

namespace cwtch::cwtchc {

using namespace client;

uint64_t now_s() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

Endpoint endpoint_of(const std::string& url) {
  Result<Endpoint> endpoint = parse_endpoint(url);
  if (!endpoint) give_up(url, endpoint.error(), "It looks like http://127.0.0.1:7140 or unix:/path");
  return *endpoint;
}

std::string cure_of(const Error& error) {
  if (error.code == Errc::denied && std::string_view(error.context).find("loopback") != std::string_view::npos)
    return "--allow-plaintext if you accept that";
  if (error.sys == ECONNREFUSED || error.sys == ENOENT) return "Does a server run there?";
  if (error.code == Errc::unsupported) return "Is that the address of its native API?";
  if (error.code == Errc::corrupt && std::string_view(error.context).starts_with("server"))
    return "Nothing that is kept here has changed. If its operator restored it from a backup: cwtchc resync";
  return "";
}

namespace {

constexpr auto kLockPause = std::chrono::milliseconds(20);
constexpr int kLockTries = 500;  // 10 s

void pause_ms(uint32_t milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

bool network(Errc code) {
  return code == Errc::closed || code == Errc::timeout || code == Errc::io || code == Errc::cancelled;
}

// Runs cancel() once the program is asked to end, from a thread that may block; the rest of the program never sees the
// signal. The thread is over before the client is: it may still be cancelling when the client's own work has ended.
class CancelOnSignal {
 public:
  explicit CancelOnSignal(Client& client) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    thread_ = std::thread([signals, &client] {
      int signal = 0;
      sigwait(&signals, &signal);
      client.cancel();
    });
  }
  ~CancelOnSignal() {
    pthread_kill(thread_.native_handle(), SIGTERM);  // for this thread only; without effect if it has had one
    thread_.join();
  }

 private:
  std::thread thread_;
};

}  // namespace

void give_up(const std::string& what, const Error& error, const std::string& cure) {
  throw Refusal{what + ": " + error.message() + (cure.empty() ? "" : ". " + cure)};
}

// ---- what the commands have in common ----

std::unique_ptr<Store> Program::open() {
  Result<std::unique_ptr<Store>> store = Store::open(io::system_files(), random_, directory);
  for (int tries = 0; !store && store.error().code == Errc::busy && tries < kLockTries; ++tries) {
    std::this_thread::sleep_for(kLockPause);
    store = Store::open(io::system_files(), random_, directory);
  }
  if (!store) {
    give_up(directory, store.error(),
            store.error().code == Errc::not_found
                ? "Make a profile first: cwtchc --profile " + directory + " profile init"
                : "");
  }
  (*store)->on_busy([tries = 0]() mutable {
    std::this_thread::sleep_for(kLockPause);
    return ++tries % kLockTries != 0;
  });
  return std::move(*store);
}

SocketDialer Program::dialer() const {
  SocketDialer::Options options;
  options.allow_plaintext = allow_plaintext;
  return SocketDialer(options);
}

Client::Options Program::client_options() const {
  return {.allow_leaky = allow_leaky, .now_s = &now_s, .pause_ms = &pause_ms, .posts = Store::Keep::durable};
}

std::string Program::meet(Store& store) {
  if (server_url.empty()) throw Refusal{"which server? Say --server URL"};
  SocketDialer dial = dialer();
  const Result<ServerFacts> facts = Client::meet(dial, endpoint_of(server_url));
  if (!facts) give_up(server_url, facts.error(), cure_of(facts.error()));
  if (const Status kept = store.commit(only(ServerAdded{facts->host, server_url}), Store::Keep::durable); !kept)
    give_up(directory, kept.error());
  return facts->host;
}

const GroupState& Program::group(const Store& store) const {
  const GroupState* found = nullptr;
  for (const GroupState& state : store.profile().groups()) {
    const bool named = state.group.name == group_name;
    const bool numbered = group_name.size() >= 4 && state.group.id_text().starts_with(group_name);
    if (!named && !numbered) continue;
    if (found != nullptr)
      throw Refusal{"several groups are called '" + group_name + "': give the start of the id (cwtchc group list)"};
    found = &state;
  }
  if (found == nullptr) throw Refusal{"no group is called '" + group_name + "'; cwtchc group list shows them"};
  return *found;
}

std::vector<Program::Address> Program::servers(const Store& store) const {
  std::vector<Address> found;
  for (const auto& [host, state] : store.profile().servers()) {
    const bool wanted = server_url.empty() || server_url == state.url || server_url == host;
    if (wanted && !state.url.empty()) found.push_back({host, state.url});
  }
  if (found.empty() && server_url.empty())
    throw Refusal{"this profile knows no server yet: cwtchc group create or join with --server URL"};
  if (found.empty())
    throw Refusal{"this profile does not know " + server_url + "; cwtchc profile show lists its servers"};
  return found;
}

Program::Address Program::server_of(const Store& store, const GroupState& group) const {
  const ServerState* const server = store.profile().server(group.group.server);
  if (server == nullptr || server->url.empty())
    throw Refusal{"the address of the group's server is not known: join it again with --server URL"};
  return {server->host, server->url};
}

std::string Program::argument_or_input(const std::string& argument) {
  if (argument != "-") return argument;
  std::string input(std::istreambuf_iterator<char>(std::cin), {});
  while (!input.empty() && input.back() == '\n') input.pop_back();
  return input;
}

// ---- profile and groups ----

void Program::profile_init() {
  const Result<std::unique_ptr<Store>> store = Store::create(io::system_files(), random_, directory);
  if (!store) give_up(directory, store.error());
  fmt::print("{}\n", (*store)->identity().hostname());
}

void Program::group_create() {
  const auto store = open();
  const std::string host = meet(*store);
  Result<Group> made = create_group(host, group_name, random_);
  if (!made) give_up(group_name, made.error());
  const std::string invite = invite_of(*made);
  const Status kept = store->commit(only(GroupJoined{std::move(*made), true}), Store::Keep::durable);
  if (!kept) give_up(directory, kept.error());
  fmt::print("{}\n", invite);
}

void Program::group_join() {
  const auto store = open();
  Result<Group> joined = group_of_invite(argument_or_input(text));
  if (!joined) give_up("invite", joined.error());
  if (!server_url.empty()) {
    if (const std::string host = meet(*store); host != joined->server)
      throw Refusal{server_url + " is not the server of this group, which is " + joined->server};
  } else if (store->profile().server(joined->server) == nullptr) {
    throw Refusal{"the group's server is not known to this profile: add --server URL"};
  }
  const std::string id = joined->id_text();
  const std::string name = joined->name;
  const Status kept = store->commit(only(GroupJoined{std::move(*joined)}), Store::Keep::durable);
  if (!kept) give_up(directory, kept.error());
  fmt::print("{} {}\n", id, printable_line(name));
}

void Program::group_invite() {
  const auto store = open();
  fmt::print("{}\n", invite_of(group(*store).group));
}

// ---- posting ----

void Program::post() {
  const auto store = open();
  const Address server = server_of(*store, group(*store));
  const GroupId id = group(*store).group.id;
  const std::string said = argument_or_input(text);
  SocketDialer dial = dialer();
  Client client(*store, random_, dial, endpoint_of(server.url), server.host, client_options());
  const Result<std::vector<uint64_t>> positions = client.post(id, said, untagged ? Form::untagged : Form::tagged);
  if (!positions) {
    const bool kept = !store->profile().outbox().empty();
    give_up(
        "post", positions.error(),
        kept ? "The text is kept and goes out before the next one, or with: cwtchc send" : cure_of(positions.error()));
  }
  if (json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"positions", *positions}}.dump());
  } else {
    fmt::print("posted, {}\n", plural(positions->size(), "message"));
  }
}

void Program::send() {
  const auto store = open();
  for (const Address& server : servers(*store)) {
    SocketDialer dial = dialer();
    Client client(*store, random_, dial, endpoint_of(server.url), server.host, client_options());
    const Result<Sent> sent = client.post_outbox();
    if (!sent) give_up(server.url, sent.error(), "What was not sent is kept");
    if (json) {
      fmt::print(
          "{}\n",
          nlohmann::ordered_json{{"server", server.url}, {"accepted", sent->accepted}, {"refused", sent->refused}}
              .dump());
    } else {
      fmt::print("{}: {} sent\n", server.url, plural(sent->accepted, "message"));
      if (sent->refused > 0)
        fmt::print("{} refused for good: {}\n", plural(sent->refused, "message"), sent->refusal.message());
    }
  }
}

// ---- reading ----

void Program::sync(bool from_nothing) {
  const auto is_whole = [](const std::string& by) { return by == "full" || by == "segments" || by == "cursor"; };
  if (from_nothing && !is_whole(scheme))
    throw Refusal{"resync downloads everything again: --scheme full, segments or cursor"};
  const auto store = open();
  if (from_nothing) {
    if (const Status forgot = store->forget_messages(); !forgot) give_up(directory, forgot.error());
  }
  for (const Address& server : servers(*store)) {
    const std::string chosen = scheme == "auto" ? choose_scheme(*store, server) : scheme;
    if (is_whole(chosen)) {
      download(*store, server, chosen);
    } else {
      retrieve(*store, server, chosen);
    }
  }
  size_t missing = 0;
  for (const GroupState& state : store->profile().groups())
    missing += state.tree.gaps().size() + store->profile().broken_promises(state.group.id).size();
  if (missing > 0 && !json) fmt::print("{} missing that somebody saw: cwtchc gaps\n", plural(missing, "message"));
}

void Program::download(Store& store, const Address& server, const std::string& by) {
  const Scheme how = by == "segments" ? Scheme::segments : by == "cursor" ? Scheme::cursor : Scheme::full;
  SocketDialer dial = dialer();
  Client client(store, random_, dial, endpoint_of(server.url), server.host, client_options());
  tools::Progress bar("Synchronising", "records", 0,
                      json ? tools::Progress::Style::json : tools::Progress::Style::automatic);
  const Result<SyncReport> report = client.sync(how, [&](const client::Progress& p) {
    bar.set_total(p.records_total);
    bar.set(p.records_done);
  });
  bar.finish();
  if (!report) {
    const std::string cure = cure_of(report.error());
    give_up(server.url, report.error(),
            cure.empty() && network(report.error().code) ? "What did arrive is kept; run it again to go on" : cure);
  }
  if (json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"server", server.url},
                                              {"scheme", by},
                                              {"records", report->records},
                                              {"messages", report->messages},
                                              {"unreadable", report->unreadable},
                                              {"bytes", report->bytes},
                                              {"own_bytes", report->own_bytes}}
                           .dump());
    return;
  }
  fmt::print("{} looked at, {} of ours; {:.1f} MB received, {:.1f} kB of them ours\n",
             plural(report->records, "record"), plural(report->messages, "new message"),
             static_cast<double>(report->bytes) / 1e6, static_cast<double>(report->own_bytes) / 1e3);
  if (report->unreadable > 0)
    fmt::print("{} of our groups could not be read: a member's program made them wrong\n",
               plural(report->unreadable, "record"));
}

void Program::watch() {
  const auto store = open();
  const std::vector<Address> known = servers(*store);
  if (known.size() != 1) throw Refusal{"several servers are known: choose one with --server"};
  SocketDialer dial = dialer();
  Client client(*store, random_, dial, endpoint_of(known[0].url), known[0].host, client_options());
  // Parts that are here already belong to texts that may be completed now.
  std::map<GroupId, Joiner> joiners;
  for (const GroupState& state : store->profile().groups()) {
    for (const MessageStored& message : state.messages) {
      if (!message.acknowledged) (void)joiners[state.group.id].add(message);
    }
  }
  const CancelOnSignal cancelling(client);
  const Status watched = client.watch([&](const MessageStored& message) {
    const GroupState* const state = store->profile().group(message.group);
    const std::optional<Line> line = joiners[message.group].add(message);
    if (state != nullptr && line) print_line(state->group.name, *line);
    std::fflush(stdout);
  });
  if (!watched && watched.error().code != Errc::cancelled)
    give_up(known[0].url, watched.error(), "Run it again to go on where it was");
}

}  // namespace cwtch::cwtchc
