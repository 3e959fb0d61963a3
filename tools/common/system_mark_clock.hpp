// The time of polls and of retrieval, as this machine has it.
#pragma once

#include <chrono>
#include <thread>

#include "engine/client/marks.hpp"

namespace cwtch::tools {

class SystemMarkClock final : public client::MarkClock {
 public:
  uint64_t now_ms() override {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }
  void wait_until(uint64_t ms) override {
    std::this_thread::sleep_until(std::chrono::steady_clock::time_point(std::chrono::milliseconds(ms)));
  }
};

}  // namespace cwtch::tools
