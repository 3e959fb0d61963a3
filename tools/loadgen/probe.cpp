#include "tools/loadgen/probe.hpp"

#include <chrono>

#include "tools/loadgen/reply.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {

Probe::Probe(const Target& target, const std::string& path) : thread_([this, target, path] { run(target, path); }) {}

Probe::~Probe() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Probe::run(const Target& target, const std::string& path) try {
  run_first();
  const Socket socket = Socket::connect(target, true);
  while (!stop_) {
    const uint64_t start = monotonic_ns();
    get(socket, target.host, path);
    latency_.add(monotonic_ns() - start);
    if (forget_.exchange(false)) latency_ = {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
} catch (...) {
  failure_ = std::current_exception();
}

Latency Probe::finish() {
  stop_ = true;
  thread_.join();
  if (failure_) std::rethrow_exception(failure_);
  return latency_;
}

}  // namespace cwtch::loadgen
