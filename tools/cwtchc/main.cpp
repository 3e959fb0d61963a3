// cwtchc: the member's side. A profile, its groups, what was said in them.
#include <fmt/format.h>
#include <signal.h>
#include <sodium.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "engine/client/client.hpp"
#include "engine/client/conversation.hpp"
#include "engine/io/files.hpp"
#include "tools/common/progress.hpp"

namespace {

using namespace cwtch;
using namespace cwtch::client;

constexpr const char* kAbout =
    "cwtchc: groups over a server that learns nothing about them.\n\n"
    "  cwtchc profile init                          makes a profile (an author's key) in --profile\n"
    "  cwtchc group create friends --server URL     makes a group and prints its invite: whoever has it is a member\n"
    "  cwtchc group join INVITE --server URL\n"
    "  cwtchc post friends \"hello\"                  or from standard input: cwtchc post friends -\n"
    "  cwtchc sync                                  downloads what is new, all of it, and keeps what is ours\n"
    "  cwtchc watch                                 follows the log until interrupted\n"
    "  cwtchc messages friends\n"
    "  cwtchc gaps                                  messages that somebody saw and the server did not give us\n";

struct Refusal {
  std::string text;
};
[[noreturn]] void give_up(const std::string& what, const Error& error, const std::string& cure = "") {
  throw Refusal{what + ": " + error.message() + (cure.empty() ? "" : ". " + cure)};
}

uint64_t now_s() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

// Text of others on our terminal: no control characters.
std::string printable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t') {
      safe += '?';
    } else if (byte == 0x7F) {
      safe += '?';
    } else {
      safe += c;
    }
  }
  return safe;
}

struct Program {
  std::string directory;
  std::string server_url;
  std::string group_name;
  std::string text;
  std::string scheme = "full";
  bool json = false;
  bool untagged = false;
  bool allow_leaky = false;
  bool allow_plaintext = false;
  SystemRandom random;

  std::unique_ptr<Store> open() {
    Result<std::unique_ptr<Store>> store = Store::open(io::system_files(), random, directory);
    if (!store) {
      give_up(directory, store.error(),
              store.error().code == Errc::not_found
                  ? "Make a profile first: cwtchc --profile " + directory + " profile init"
                  : "");
    }
    return std::move(*store);
  }
  SocketDialer dialer() const {
    SocketDialer::Options options;
    options.allow_plaintext = allow_plaintext;
    return SocketDialer(options);
  }
  static Endpoint endpoint_of(const std::string& url) {
    Result<Endpoint> endpoint = parse_endpoint(url);
    if (!endpoint) give_up(url, endpoint.error(), "A URL looks like http://127.0.0.1:7140 or unix:/path");
    return *endpoint;
  }
  // Who answers at --server; the profile learns its address.
  std::string meet(Store& store) {
    if (server_url.empty()) throw Refusal{"--server URL is needed"};
    SocketDialer dial = dialer();
    const Result<ServerFacts> facts = Client::meet(dial, endpoint_of(server_url));
    if (!facts) give_up(server_url, facts.error(), "Does a server run there?");
    std::vector<Event> events;
    events.emplace_back(ServerAdded{facts->host, server_url});
    if (const Status kept = store.commit(events, Store::Keep::durable); !kept) give_up(directory, kept.error());
    return facts->host;
  }
  const GroupState& group(const Store& store) const {
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
  // The servers of this profile's groups, or the one named by --server.
  std::vector<const ServerState*> servers(const Store& store) const {
    std::vector<const ServerState*> found;
    for (const auto& [host, state] : store.profile().servers())
      if (!state.url.empty() && (server_url.empty() || server_url == state.url || server_url == host))
        found.push_back(&state);
    if (found.empty())
      throw Refusal{"this profile knows no such server: cwtchc group create or join with --server URL"};
    return found;
  }
  Client::Options client_options() const { return {.allow_leaky = allow_leaky, .now_s = &now_s}; }

  void profile_init() {
    const Result<std::unique_ptr<Store>> store = Store::create(io::system_files(), random, directory);
    if (!store) give_up(directory, store.error());
    fmt::print("{}\n", (*store)->identity().hostname());
  }
  void group_create() {
    const auto store = open();
    const std::string host = meet(*store);
    Result<Group> made = create_group(host, group_name, random);
    if (!made) give_up(group_name, made.error());
    const std::string invite = invite_of(*made);
    std::vector<Event> events;
    events.emplace_back(GroupJoined{std::move(*made)});
    if (const Status kept = store->commit(events, Store::Keep::durable); !kept) give_up(directory, kept.error());
    fmt::print("{}\n", invite);
  }
  void group_join() {
    const auto store = open();
    Result<Group> joined = group_of_invite(text);
    if (!joined) give_up("invite", joined.error());
    if (!server_url.empty()) {
      if (const std::string host = meet(*store); host != joined->server)
        throw Refusal{server_url + " is not the server of this group, which is " + joined->server};
    } else if (store->profile().server(joined->server) == nullptr) {
      throw Refusal{"the group's server is not known to this profile: add --server URL"};
    }
    fmt::print("{} {}\n", joined->id_text(), printable(joined->name));
    std::vector<Event> events;
    events.emplace_back(GroupJoined{std::move(*joined)});
    if (const Status kept = store->commit(events, Store::Keep::durable); !kept) give_up(directory, kept.error());
  }
  void group_invite() {
    const auto store = open();
    fmt::print("{}\n", invite_of(group(*store).group));
  }
  void group_list() {
    const auto store = open();
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const GroupState& state : store->profile().groups()) {
      if (json) {
        list.push_back({{"id", state.group.id_text()},
                        {"name", state.group.name},
                        {"server", state.group.server},
                        {"messages", state.messages.size()}});
      } else {
        fmt::print("{}  {:<24} {} messages\n", state.group.id_text(), printable(state.group.name),
                   state.messages.size());
      }
    }
    if (json) fmt::print("{}\n", list.dump(2));
  }
  void post() {
    const auto store = open();
    const GroupState& state = group(*store);
    if (text == "-") {
      text.assign(std::istreambuf_iterator<char>(std::cin), {});
      while (!text.empty() && text.back() == '\n') text.pop_back();
    }
    const ServerState* const server = store->profile().server(state.group.server);
    if (server == nullptr) throw Refusal{"the group's server is not known to this profile"};
    SocketDialer dial = dialer();
    Client client(*store, random, dial, endpoint_of(server->url), server->host, client_options());
    if (const Status sent = client.post_outbox(); !sent) give_up("posting what was left over", sent.error());
    const GroupId id = state.group.id;
    const Result<std::vector<uint64_t>> positions = client.post(id, text, untagged ? Form::untagged : Form::tagged);
    if (!positions) give_up("post", positions.error());
    if (json) {
      fmt::print("{}\n", nlohmann::ordered_json{{"positions", *positions}}.dump());
    } else {
      fmt::print("posted, {} message{}\n", positions->size(), positions->size() == 1 ? "" : "s");
    }
  }
  void sync(bool from_nothing) {
    const auto store = open();
    if (from_nothing) {
      if (const Status forgot = store->forget_messages(); !forgot) give_up(directory, forgot.error());
    }
    const Scheme how = scheme == "segments" ? Scheme::segments : scheme == "cursor" ? Scheme::cursor : Scheme::full;
    for (const ServerState* const server : servers(*store)) {
      SocketDialer dial = dialer();
      const std::string url = server->url;
      Client client(*store, random, dial, endpoint_of(url), server->host, client_options());
      tools::Progress bar("Synchronising", "records", 0,
                          json ? tools::Progress::Style::json : tools::Progress::Style::automatic);
      const Result<SyncReport> report = client.sync(how, [&](const client::Progress& p) {
        bar.set_total(p.records_total);
        bar.set(p.records_done);
      });
      bar.finish();
      if (!report) {
        const Errc code = report.error().code;
        const bool network =
            code == Errc::closed || code == Errc::timeout || code == Errc::io || code == Errc::cancelled;
        give_up(url, report.error(), network ? "What did arrive is kept; run it again to go on" : "");
      }
      if (json) {
        fmt::print("{}\n", nlohmann::ordered_json{{"server", url},
                                                  {"records", report->records},
                                                  {"messages", report->messages},
                                                  {"unreadable", report->unreadable},
                                                  {"bytes", report->bytes},
                                                  {"own_bytes", report->own_bytes}}
                               .dump());
      } else {
        fmt::print("{} records, {} new message{} of ours; {:.1f} MB received, {:.1f} kB of them ours\n",
                   report->records, report->messages, report->messages == 1 ? "" : "s",
                   static_cast<double>(report->bytes) / 1e6, static_cast<double>(report->own_bytes) / 1e3);
      }
    }
    if (const auto missing = count_gaps(*store); missing > 0 && !json)
      fmt::print("{} message{} that somebody saw did not come: cwtchc gaps\n", missing, missing == 1 ? "" : "s");
  }
  static size_t count_gaps(const Store& store) {
    size_t count = 0;
    for (const GroupState& state : store.profile().groups()) count += state.tree.gaps().size();
    return count;
  }
  void watch() {
    const auto store = open();
    const std::vector<const ServerState*> known = servers(*store);
    if (known.size() != 1) throw Refusal{"several servers are known: choose one with --server"};
    const std::string url = known.front()->url;
    SocketDialer dial = dialer();
    Client client(*store, random, dial, endpoint_of(url), known.front()->host, client_options());
    const Status watched = client.watch([&](const MessageStored& message) {
      const GroupState* const state = store->profile().group(message.group);
      if (state != nullptr && state->tree.find(message.signature) != Tree::kUnknown) {
        // Posted by this profile, or seen before.
        if (message.position < known.front()->reached.position) return;
      }
      const Overlay overlay = parse_overlay(message.text);
      print_line(state == nullptr ? "" : state->group.name, message.position, hostname_of(message.author),
                 message.timestamp, overlay.text);
      std::fflush(stdout);
    });
    if (!watched) give_up(url, watched.error(), "cwtchc watch goes on where it was");
  }
  void print_line(const std::string& group, uint64_t position, const std::string& author, uint64_t timestamp,
                  const std::string& said) const {
    if (json) {
      fmt::print(
          "{}\n",
          nlohmann::ordered_json{
              {"group", group}, {"position", position}, {"author", author}, {"timestamp", timestamp}, {"text", said}}
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      const auto when = static_cast<time_t>(timestamp);
      char clock[32] = "";
      tm local{};
      if (localtime_r(&when, &local) != nullptr) strftime(clock, sizeof clock, "%Y-%m-%d %H:%M", &local);
      fmt::print("{}  {}{:.8}  {}\n", clock, group.empty() ? "" : printable(group) + "  ", author, printable(said));
    }
  }
  void messages() {
    const auto store = open();
    const GroupState& state = group(*store);
    for (const Line& line : conversation(state)) {
      std::string said = line.text;
      if (!line.complete()) said += fmt::format(" [{} of {} parts]", line.parts, line.parts_count);
      print_line("", line.position, hostname_of(line.author), line.timestamp, said);
    }
  }
  void gaps() {
    const auto store = open();
    size_t count = 0;
    for (const GroupState& state : store->profile().groups()) {
      for (const Gap& gap : state.tree.gaps()) {
        ++count;
        if (json) {
          fmt::print("{}\n", nlohmann::ordered_json{{"group", state.group.id_text()},
                                                    {"missing", to_hex(gap.missing)},
                                                    {"named_by", hostname_of(gap.author)},
                                                    {"position", gap.position},
                                                    {"references", gap.references}}
                                 .dump());
        } else {
          fmt::print("{}: a message before position {} is missing; {:.16}... saw it (named {} time{})\n",
                     printable(state.group.name), gap.position, hostname_of(gap.author), gap.references,
                     gap.references == 1 ? "" : "s");
        }
      }
    }
    for (const auto& [host, server] : store->profile().servers()) {
      for (const Missed& missed : server.missed)
        if (!json)
          fmt::print("records {} to {} were removed by retention before this profile fetched them\n", missed.from,
                     missed.to - 1);
    }
    if (count == 0 && !json) fmt::print("No gaps: every message that anybody named is here.\n");
  }
};

std::string default_profile() {
  if (const char* const named = std::getenv("CWTCHC_PROFILE")) return named;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "." : home) + "/.cwtchc";
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (sodium_init() < 0) return 1;
  Program program;
  program.directory = default_profile();
  CLI::App app(kAbout);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "cwtchc " CWTCHD_VERSION);
  app.add_option("--profile", program.directory, "The profile's directory (or CWTCHC_PROFILE)")->capture_default_str();
  app.add_option("--server", program.server_url, "http://127.0.0.1:7140, unix:/path");
  app.add_flag("--json", program.json, "Results and progress as JSON lines");
  app.add_flag("--allow-plaintext", program.allow_plaintext,
               "Talk to servers that are not on this machine, unencrypted");

  CLI::App* const profile = app.add_subcommand("profile", "The author's key and everything that this member knows");
  profile->require_subcommand(1);
  profile->add_subcommand("init", "Make one; prints the name under which others see it")->callback([&] {
    program.profile_init();
  });

  CLI::App* const group = app.add_subcommand("group", "Groups of this profile");
  group->require_subcommand(1);
  CLI::App* const create = group->add_subcommand("create", "Make a group on --server; prints its invite (a secret)");
  create->add_option("NAME", program.group_name)->required();
  create->callback([&] { program.group_create(); });
  CLI::App* const join = group->add_subcommand("join", "Become a member by an invite");
  join->add_option("INVITE", program.text)->required();
  join->callback([&] { program.group_join(); });
  CLI::App* const invite = group->add_subcommand("invite", "Print a group's invite (a secret)");
  invite->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  invite->callback([&] { program.group_invite(); });
  group->add_subcommand("list", "Groups, and how many messages are here")->callback([&] { program.group_list(); });

  CLI::App* const post = app.add_subcommand("post", "Say something to a group");
  post->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  post->add_option("TEXT", program.text, "The text; - reads standard input")->required();
  post->add_flag("--untagged", program.untagged,
                 "Exactly as a Cwtch app would: no index entry, length depends on the text");
  post->callback([&] { program.post(); });

  const auto add_scheme = [&](CLI::App* command) {
    command
        ->add_option(
            "--scheme", program.scheme,
            "full: everything behind a public boundary; segments: whole sealed files; cursor: from where we stopped")
        ->check(CLI::IsMember({"full", "segments", "cursor"}))
        ->capture_default_str();
    command->add_flag("--allow-leaky", program.allow_leaky,
                      "Permit schemes that tell the server something about this profile");
  };
  CLI::App* const sync = app.add_subcommand("sync", "Download what is new; goes on where it was interrupted");
  add_scheme(sync);
  sync->callback([&] { program.sync(false); });
  CLI::App* const resync = app.add_subcommand("resync", "Forget all messages and download everything again");
  add_scheme(resync);
  resync->callback([&] { program.sync(true); });
  app.add_subcommand("watch", "Follow the log and print messages as they arrive")->callback([&] { program.watch(); });
  CLI::App* const messages = app.add_subcommand("messages", "What was said in a group, in the order of the log");
  messages->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  messages->callback([&] { program.messages(); });
  app.add_subcommand("gaps", "Messages that somebody saw and the server did not give us")->callback([&] {
    program.gaps();
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    std::cerr << "cwtchc: " << error.what() << "\nRun `cwtchc --help` for what there is.\n";
    return 2;
  } catch (const Refusal& refusal) {
    std::cerr << "cwtchc: " << refusal.text << '\n';
    return 1;
  }
  return 0;
}
