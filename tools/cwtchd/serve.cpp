#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "engine/server/safe_log.hpp"
#include "engine/server/server.hpp"
#include "tools/cwtchd/commands.hpp"

namespace cwtch::cwtchd {
namespace {

int failed(const std::string& text) {
  fmt::print(stderr, "cwtchd: {}\n", text);
  return 1;
}

}  // namespace

int init(const std::string& directory, const server::Config& config) {
  const auto made = server::Server::init(directory, config);
  if (!made) return failed(made.error());
  fmt::print(
      "Made {0}: keys (keep a backup, they are the server), an empty log, and cwtchd.toml.\nNext: cwtchd serve {0}\n",
      directory);
  return 0;
}

int serve(const std::string& directory, const server::Config& config, bool throw_away) {
  // Blocked here, before any thread is made, and waited for below: no handler runs in the middle of anything.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  safe_log::start(*safe_log::level_named(config.log_level));
  auto server = server::Server::open(directory, config);
  if (!server) return failed(server.error());
  if (const auto started = (*server)->start(); !started) return failed(started.error());
  for (const std::string& url : (*server)->urls()) fmt::print("ready {}\n", url);
  fmt::print("{} {} shard{}, {}, admission {}\n", throw_away ? "Throw-away server:" : "Serving " + directory + ":",
             config.shards, config.shards == 1 ? "" : "s", (*server)->io_name(), config.admission);
  std::fflush(stdout);

  int which = 0;
  sigwait(&signals, &which);
  safe_log::info("draining; a second signal stops at once");
  std::thread second([signals] {
    int again = 0;
    sigwait(&signals, &again);
    _exit(1);
  });
  second.detach();
  (*server)->stop();
  (*server)->join();
  (*server).reset();
  safe_log::info("stopped");
  return 0;
}

int dev(server::Config config) {
  std::string directory = (std::filesystem::temp_directory_path() / "cwtchd-dev.XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr)
    return failed("cannot make a directory in " + std::filesystem::temp_directory_path().string());
  // Small files: made in milliseconds, and enough for trying things out.
  const server::Config defaults;
  if (config.journal_file_bytes == defaults.journal_file_bytes) config.journal_file_bytes = 4 << 20;
  int status = 0;
  if (const auto made = server::Server::init(directory, config); made) {
    status = serve(directory, config, true);
  } else {
    status = failed(made.error());
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return status;
}

int stats(const std::string& directory, const server::Config& config) {
  if (config.admin_socket.empty()) return failed("this server has no admin socket (admin.admin_socket is empty)");
  const std::string path =
      config.admin_socket.front() == '/' ? config.admin_socket : directory + "/" + config.admin_socket;
  const Result<std::string> answer = server::ask_admin(path, "/stats");
  if (!answer) return failed(path + ": " + answer.error().message() + ". Does the server run?");
  fmt::print("{}", *answer);
  return 0;
}

}  // namespace cwtch::cwtchd
