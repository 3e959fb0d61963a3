// cwtchc: the member's side. A profile, its groups, what was said in them. The command line only; program.hpp does it.
#include <signal.h>
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "tools/cwtchc/program.hpp"

namespace {

using cwtch::cwtchc::Program;

constexpr const char* kAbout =
    "cwtchc: groups over a server that learns nothing about them.\n\n"
    "  cwtchc profile init                          makes a profile (an author's key) in --profile\n"
    "  cwtchc group create friends --server URL     makes a group and prints its invite: whoever has it is a member\n"
    "  cwtchc group join INVITE --server URL\n"
    "  cwtchc post friends \"hello\"                  or from standard input: cwtchc post friends -\n"
    "  cwtchc sync                                  downloads what is new, all of it, and keeps what is ours\n"
    "  cwtchc poll --every 1h                       fetches what is new without the server learning for whom\n"
    "  cwtchc watch                                 follows the log until interrupted\n"
    "  cwtchc messages friends\n"
    "  cwtchc gaps                                  messages that somebody saw and the server did not give us\n"
    "  cwtchc audit URL                             whether what is given for private retrieval is of the log\n";

std::string default_profile() {
  if (const char* const named = std::getenv("CWTCHC_PROFILE")) return named;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "." : home) + "/.cwtchc";
}

void add_group_commands(CLI::App& app, Program& program) {
  CLI::App* const group = app.add_subcommand("group", "Groups of this profile");
  group->require_subcommand(1);
  CLI::App* const create = group->add_subcommand("create", "Make a group on --server; prints its invite (a secret)");
  create->add_option("NAME", program.group_name)->required();
  create->callback([&] { program.group_create(); });
  CLI::App* const join = group->add_subcommand("join", "Become a member by an invite");
  join->add_option("INVITE", program.text,
                   "The invite; - reads standard input, so that the secret is in no list of processes")
      ->required();
  join->callback([&] { program.group_join(); });
  CLI::App* const invite = group->add_subcommand("invite", "Print a group's invite (a secret)");
  invite->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  invite->callback([&] { program.group_invite(); });
  group->add_subcommand("list", "Groups, and how many messages are here")->callback([&] { program.group_list(); });
}

void add_posting_commands(CLI::App& app, Program& program) {
  CLI::App* const post = app.add_subcommand("post", "Say something to a group");
  post->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  post->add_option("TEXT", program.text, "The text; - reads standard input")->required();
  post->add_flag("--untagged", program.untagged,
                 "Exactly as a Cwtch app would: no index entry, length depends on the text");
  post->callback([&] { program.post(); });
  app.add_subcommand("send", "Send what could not be sent before")->callback([&] { program.send(); });
}

void add_audit_command(CLI::App& app, Program& program) {
  CLI::App* const audit = app.add_subcommand(
      "audit",
      "Download the log of a server, compute the static parts of its databases for private retrieval, "
      "and compare with what it gives to members. Needs no profile. Exit status 3: they differ");
  audit->add_option("SERVER", program.audit_servers,
                    "By address, or by the hostname of one that the profile knows; without any, all that it knows");
  std::vector<std::string> schemes = Program::audited_schemes();
  schemes.emplace_back("all");
  audit->add_option("--scheme", program.audit_scheme, "Which databases")
      ->check(CLI::IsMember(schemes))
      ->capture_default_str();
  audit->callback([&] { program.audit(); });
}

void add_reading_commands(CLI::App& app, Program& program) {
  const auto add_scheme = [&](CLI::App* command) {
    command
        ->add_option(
            "--scheme", program.scheme,
            "full: everything behind a public boundary; segments: whole sealed files; cursor: from where we stopped; "
            "simplepir, ring32: only what is ours, without the server learning which; auto: whichever of full, "
            "simplepir and ring32 moves the fewest bytes by public numbers")
        ->check(CLI::IsMember({"full", "segments", "cursor", "simplepir", "ring32", "direct", "auto"}))
        ->capture_default_str();
    command->add_flag("--allow-leaky", program.allow_leaky,
                      "Permit schemes that tell the server something about this profile");
  };
  CLI::App* const sync = app.add_subcommand("sync", "Download what is new; goes on where it was interrupted");
  add_scheme(sync);
  sync->add_option("--rounds", program.rounds,
                   "Of private retrieval: queries of each database, whether anything is wanted or not. Choose it once, "
                   "not by what you expect: it is what the server sees")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  sync->add_option("--mark", program.mark_s,
                   "Of private retrieval: seconds before the first query, in which this machine's own work is done")
      ->check(CLI::Range(0, 300))
      ->default_str("5");
  sync->add_flag("--allow-relaxed-trust", program.allow_relaxed_trust,
                 "Permit schemes that need trust in the server (direct: it sees what you fetch)");
  sync->callback([&] { program.sync(false); });
  CLI::App* const resync = app.add_subcommand("resync", "Forget all messages and download everything again");
  add_scheme(resync);
  resync->callback([&] { program.sync(true); });
  CLI::App* const poll = app.add_subcommand(
      "poll",
      "Fetch what is new by private retrieval, once in every period, until interrupted. The requests are the same "
      "whatever is wanted or found");
  poll->add_option("--scheme", program.scheme, "ring32, the default, or with --allow-relaxed-trust direct")
      ->check(CLI::IsMember({"ring32", "direct"}));
  poll->add_option("--every", program.every_s,
                   "Period: 1h, or 2h, with which every message has one chance less to arrive soon")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, uint64_t>{{"h", 3600}, {"m", 60}, {"s", 1}}))
      ->check(CLI::IsMember({3600, 7200}))
      ->default_str("1h");
  poll->add_option("--slots", program.slots,
                   "Rows per poll: 8, 16 or 32. Choose it once, not by what you expect: it is what the server sees")
      ->check(CLI::IsMember({8, 16, 32}))
      ->capture_default_str();
  poll->add_option("--mark", program.mark_s, "Seconds from query to query: longer than this machine's own work takes")
      ->check(CLI::Range(1, 300))
      ->default_str("20");
  poll->add_option("--polls", program.polls, "Stop after so many; 0: go on")->capture_default_str();
  poll->add_flag("--now", program.now,
                 "Poll at once, and then on the grid. The server sees that somebody was in a hurry");
  poll->add_flag("--allow-relaxed-trust", program.allow_relaxed_trust,
                 "Permit schemes that need trust in the server (direct: it sees what you fetch)");
  poll->callback([&] { program.poll(); });
  app.add_subcommand("watch", "Follow the log and print messages as they arrive")->callback([&] { program.watch(); });
  CLI::App* const messages = app.add_subcommand("messages", "What was said in a group, in the order of the log");
  messages->add_option("GROUP", program.group_name, "Name, or the start of its id")->required();
  messages->callback([&] { program.messages(); });
  app.add_subcommand("gaps", "Messages that somebody saw and the server did not give us")->callback([&] {
    program.gaps();
  });
  add_audit_command(app, program);
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
  profile->add_subcommand("show", "Its name, its servers, what waits to be sent")->callback([&] {
    program.profile_show();
  });
  add_group_commands(app, program);
  add_posting_commands(app, program);
  add_reading_commands(app, program);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    std::cerr << "cwtchc: " << error.what() << "\nRun `cwtchc --help` for what there is.\n";
    return 2;
  } catch (const cwtch::cwtchc::Refusal& refusal) {
    std::cerr << "cwtchc: " << refusal.text << '\n';
    return refusal.status;
  }
  return 0;
}
