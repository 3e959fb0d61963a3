// cwtchd: the server and its administration.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tools/cwtchd/commands.hpp"

extern char** environ;

namespace {

using namespace cwtch;

constexpr const char* kAbout =
    "cwtchd: a server for private group messaging.\n\n"
    "It keeps one append-only log of opaque records and serves it to whoever asks: members download everything and\n"
    "recognise their own. An accepted post is on stable storage before success is said.\n\n"
    "  cwtchd dev                      a throw-away server on loopback; prints its URL\n"
    "  cwtchd init DIR                 makes keys, an empty log and a commented DIR/cwtchd.toml\n"
    "  cwtchd serve DIR                serves it until SIGTERM or SIGINT, then drains and exits with 0\n"
    "  cwtchd verify DIR               re-reads every checksum of a stopped server's log\n"
    "  cwtchd stats DIR                what a running server says of itself\n"
    "  cwtchd doctor [DIR]             what this machine can do, and what to change\n";
constexpr const char* kPrecedence =
    "Settings: flags, then CWTCHD_* in the environment, then DIR/cwtchd.toml, then the defaults.\n"
    "A running server answers on its admin socket:  curl --unix-socket DIR/admin.sock http://x/metrics   (/health, "
    "/stats)";

// The flags of every setting, on one subcommand. Their texts are applied later, on top of file and environment.
struct Flags {
  std::vector<std::pair<const server::Option*, std::string>> texts;

  void add(CLI::App& app) {
    texts.reserve(server::options().size());
    for (const server::Option& option : server::options()) {
      texts.emplace_back(&option, "");
      std::string help = option.what;
      if (option.unit[0] != '\0') help += fmt::format(" [{}]", option.unit);
      help += fmt::format(" Default: {}.", server::value_text(server::Config(), option));
      const bool is_flag = std::holds_alternative<bool server::Config::*>(option.member);
      auto* const added = app.add_option(option.flag(), texts.back().second, help)->group(option.section)->take_last();
      if (is_flag) added->expected(0, 1)->default_str("true");
      if (std::string(option.name) == "listen") added->delimiter('\0');
    }
  }
  void apply(const CLI::App& app, server::Config& config) const {
    for (const auto& [option, text] : texts) {
      if (app.count(option->flag()) == 0) continue;
      const bool is_flag = std::holds_alternative<bool server::Config::*>(option->member);
      const auto set = server::set(config, *option, is_flag && text.empty() ? "true" : text, "the command line");
      if (!set) throw CLI::ValidationError(set.error());
    }
  }
};

// Defaults, then the file, then the environment, then the flags.
server::Config gather(const CLI::App& app, const Flags& flags, const std::string& directory) {
  server::Config config;
  const std::string path = directory + "/cwtchd.toml";
  if (!directory.empty()) {
    std::ifstream file(path);
    if (file) {
      std::ostringstream text;
      text << file.rdbuf();
      if (const auto applied = server::apply_toml(config, text.str(), path); !applied)
        throw CLI::ValidationError(applied.error());
    }
  }
  if (const auto applied = server::apply_environment(config, environ); !applied)
    throw CLI::ValidationError(applied.error());
  flags.apply(app, config);
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(kAbout);
  app.footer(kPrecedence);
  app.require_subcommand(1);
  app.set_version_flag("--version", "cwtchd " CWTCHD_VERSION);
  std::string directory;
  bool json = false;
  int status = 0;

  Flags init_flags, serve_flags, dev_flags, stats_flags;
  CLI::App* const init = app.add_subcommand("init", "Make keys, an empty log and a commented configuration file");
  init->add_option("DIR", directory, "A new or empty directory")->required();
  init_flags.add(*init);
  init->callback([&] { status = cwtchd::init(directory, gather(*init, init_flags, "")); });

  CLI::App* const serve = app.add_subcommand("serve", "Serve a directory; prints \"ready URL\" when it listens");
  serve->add_option("DIR", directory, "Made by cwtchd init")->required();
  serve_flags.add(*serve);
  serve->callback([&] { status = cwtchd::serve(directory, gather(*serve, serve_flags, directory), false); });

  CLI::App* const dev =
      app.add_subcommand("dev", "A throw-away server on loopback; its directory is removed at the end");
  dev_flags.add(*dev);
  dev->callback([&] {
    server::Config config = gather(*dev, dev_flags, "");
    if (dev->count("--listen") == 0) config.listen = {"127.0.0.1:0"};
    status = cwtchd::dev(config);
  });

  CLI::App* const verify =
      app.add_subcommand("verify", "Re-read every checksum of a stopped server's log; exits with 1 on damage");
  verify->add_option("DIR", directory, "Made by cwtchd init")->required();
  verify->add_flag("--json", json, "Progress and result as JSON lines");
  verify->callback([&] { status = cwtchd::verify(directory, json); });

  CLI::App* const doctor =
      app.add_subcommand("doctor", "What kernel, limits and disk allow; exits with 1 if something must change");
  doctor->add_option("DIR", directory, "Where the log lies or would lie (for the disk's flush rate)");
  doctor->callback([&] { status = cwtchd::doctor(directory.empty() ? "." : directory); });

  CLI::App* const stats = app.add_subcommand("stats", "Ask a running server's admin socket");
  stats->add_option("DIR", directory, "Made by cwtchd init")->required();
  stats_flags.add(*stats);
  stats->callback([&] { status = cwtchd::stats(directory, gather(*stats, stats_flags, directory)); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::Error& error) {
    std::cerr << "cwtchd: " << error.what() << '\n';
    if (error.get_name() != "ValidationError") std::cerr << "Run `cwtchd --help` for what there is.\n";
    return 2;
  }
  return status;
}
