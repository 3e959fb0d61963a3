// Administration on a UNIX socket, with a thread of its own: GET /metrics, /health and /stats over HTTP, so that
// `curl --unix-socket` speaks it. The socket's permissions (0600) say who may.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "engine/server/metrics.hpp"

namespace cwtch::server {

class Admin {
 public:
  Admin(const ShardContext& context, const Clock& clock);
  ~Admin();

  // Listens and starts the thread. `path`: of the socket.
  Status start(const std::string& path);
  // Any thread: ends the thread and waits for it.
  void stop();

 private:
  class Loop;
  const ShardContext& context_;
  const Clock& clock_;
  std::string path_;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

// GET `target` from the admin socket at `path`: the body, or why not. Blocks; for the command line.
Result<std::string> ask_admin(const std::string& path, const std::string& target);

}  // namespace cwtch::server
