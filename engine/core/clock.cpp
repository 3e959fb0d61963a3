#include "engine/core/clock.hpp"

#include <ctime>

namespace cwtch {

uint64_t SystemClock::monotonic_ns() const {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t SystemClock::wall_hour_s() const {
  const auto now = static_cast<uint64_t>(time(nullptr));
  return now - now % kHourSeconds;
}

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace cwtch
