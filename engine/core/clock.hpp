// Time as a parameter: a test or the simulator decides what time it is.
#pragma once

#include <cstdint>

namespace cwtch {

constexpr uint64_t kMillisecond = 1'000'000;  // in nanoseconds
constexpr uint64_t kSecond = 1'000'000'000;

constexpr uint64_t kHourSeconds = 3600;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t monotonic_ns() const = 0;
  // Seconds since 1970, rounded down to the full hour: nothing finer may reach disk, logs or metrics.
  virtual uint64_t wall_hour_s() const = 0;
};

class SystemClock final : public Clock {
 public:
  uint64_t monotonic_ns() const override;
  uint64_t wall_hour_s() const override;
};
const Clock& system_clock();

}  // namespace cwtch
