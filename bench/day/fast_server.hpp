// A whole server of this process, on loopback, with a clock whose hours begin when they are told to.
//
// Thread: one; the server has its own. Throws std::runtime_error with what the server says.
#pragma once

#include <atomic>

#include "engine/client/server_link.hpp"
#include "engine/server/server.hpp"

namespace cwtch::bench {

class FastServer {
 public:
  // Made in `directory`, which is empty or not there. Hours count from 1970.
  FastServer(const std::string& directory, uint32_t hour);

  const client::Endpoint& endpoint() const { return endpoint_; }
  const std::string& url() const { return server_->urls().front(); }
  const std::string& host() const { return host_; }

  // The hour that runs is over, and `hour` begins. Waits until the records of the one that is over, of which there are
  // enough, are sealed, and the databases of polls over them are offered.
  void begin(uint32_t hour);

 private:
  class SteppedClock final : public Clock {
   public:
    explicit SteppedClock(uint32_t hour) : hour_(hour) {}
    uint64_t monotonic_ns() const override { return system_clock().monotonic_ns(); }
    uint64_t wall_hour_s() const override { return hour_ * kHourSeconds; }
    uint32_t hour() const { return hour_; }
    void step_to(uint32_t hour) { hour_ = hour; }

   private:
    std::atomic<uint32_t> hour_;
  };

  SteppedClock clock_;
  std::unique_ptr<server::Server> server_;
  client::Endpoint endpoint_;
  client::SocketDialer dialer_{{}};
  std::string host_;
};

}  // namespace cwtch::bench
