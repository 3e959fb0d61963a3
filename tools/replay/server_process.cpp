#include "tools/replay/server_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace cwtch::replay {
namespace {

pid_t start(const std::vector<std::string>& words, int output) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("cannot start " + words.front());
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGTERM);  // nothing is left behind, however we end
  if (getppid() != parent) _exit(127);
  if (output >= 0) dup2(output, STDOUT_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv.front(), argv.data());
  _exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ServerProcess::ServerProcess(const std::string& program, const std::string& directory,
                             const std::vector<std::string>& flags) {
  if (!std::filesystem::exists(directory)) {
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int made = wait_for(start({program, "init", directory}, null));
    ::close(null);
    if (made != 0) throw std::runtime_error(program + " init " + directory + " failed");
  }
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  std::vector<std::string> words = {program, "serve", directory, "--listen", "127.0.0.1:0"};
  words.insert(words.end(), flags.begin(), flags.end());
  pid_ = start(words, pipe[1]);
  ::close(pipe[1]);
  std::string line;
  for (char c; ::read(pipe[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(pipe[0]);
  if (!line.starts_with("ready ")) throw std::runtime_error(program + " did not start");
  url_ = line.substr(6);
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) stop();
}

int ServerProcess::stop() {
  ::kill(pid_, SIGTERM);
  const int status = wait_for(pid_);
  pid_ = -1;
  return status;
}

double ServerProcess::cpu_s() const {
  clockid_t clock;
  timespec time{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double ServerProcess::resident_mib() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) {
      std::istringstream words(line.substr(6));
      double kib = 0;
      words >> kib;
      return kib / 1024;
    }
  }
  return 0;
}

}  // namespace cwtch::replay
