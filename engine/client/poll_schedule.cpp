#include "engine/client/poll_schedule.hpp"

#include <algorithm>

namespace cwtch::client {

uint64_t PollSchedule::next(uint64_t now_s) {
  // Neither at the period's beginning, when servers make the databases of the window that has ended, nor at its end,
  // when a slow poll would run into the next one's.
  const uint64_t first_s = every_s_ / 12, moments = every_s_ * 3 / 4;
  const uint64_t now = now_s / every_s_;
  uint64_t period = std::max(std::min(period_, now + 2), now);  // a clock that was ahead must not stop polls
  uint64_t at_s = 0;
  do {
    at_s = period * every_s_ + first_s + random_.below(moments);
    period += 1;
  } while (at_s <= now_s);
  period_ = period;
  return at_s;
}

uint32_t PollSchedule::begun(uint64_t now_s) {
  period_ = std::max(period_, now_s / every_s_ + 1);
  return static_cast<uint32_t>(period_ * every_s_ / 3600);
}

void PollSchedule::wait(WallClock& clock) {
  constexpr uint64_t kNapS = 30, kLateS = 2 * kNapS;
  uint64_t at_s = next(clock.now_s());
  for (uint64_t now_s = clock.now_s(); now_s < at_s || now_s > at_s + kLateS; now_s = clock.now_s()) {
    if (now_s < at_s) {
      clock.nap(std::min(at_s - now_s, kNapS));
    } else {
      at_s = next(now_s);
    }
  }
}

}  // namespace cwtch::client
