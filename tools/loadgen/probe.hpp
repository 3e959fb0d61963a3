// A stopwatch beside the load: one connection that makes the same small request again and again, on its own thread.
#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <thread>

#include "tools/loadgen/latency.hpp"
#include "tools/loadgen/net.hpp"

namespace cwtch::loadgen {

class Probe {
 public:
  Probe(const Target& target, const std::string& path);
  ~Probe();
  void forget() { forget_ = true; }  // what was measured so far was warm-up
  Latency finish();                  // stops; throws what went wrong on the thread

 private:
  void run(const Target& target, const std::string& path);

  std::atomic<bool> stop_{false};
  std::atomic<bool> forget_{false};
  Latency latency_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace cwtch::loadgen
