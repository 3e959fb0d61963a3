// cwtchd as a child of ours: made, started, asked for its figures, stopped.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cwtch::replay {

class ServerProcess {
 public:
  // Runs `cwtchd init DIR`, unless the directory is there, and `cwtchd serve DIR ...`; throws std::runtime_error with
  // its words when that fails.
  ServerProcess(const std::string& program, const std::string& directory, const std::vector<std::string>& flags);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& url() const { return url_; }
  double cpu_s() const;  // so far
  double resident_mib() const;
  int stop();  // SIGTERM; its exit status

 private:
  pid_t pid_ = -1;
  std::string url_;
};

}  // namespace cwtch::replay
