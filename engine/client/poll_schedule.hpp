// When a client polls: once in every period of a public grid, at a moment in it that is drawn anew each time. Nothing
// that the client has, wants or does is asked for it, so the times say that it runs, and no more. Thread: one.
#pragma once

#include <cstdint>

#include "engine/core/random.hpp"

namespace cwtch::client {

// The time of the day, and sleep. A test's passes as it likes.
class WallClock {
 public:
  virtual ~WallClock() = default;
  virtual uint64_t now_s() = 0;
  virtual void nap(uint64_t seconds) = 0;  // perhaps for much longer: machines sleep
};

class PollSchedule {
 public:
  // REQUIRES: `every_s` is whole hours. `next_hour`: since 1970; no poll is due before it, because another process of
  // this profile has made those.
  PollSchedule(uint64_t every_s, uint32_t next_hour, Random& random)
      : every_s_(every_s), random_(random), period_((next_hour * uint64_t{3600} + every_s - 1) / every_s) {}

  // The moment of the next poll, later than `now_s`: in this period if it has had none, else in a later one. A poll
  // that was missed is not made up.
  uint64_t next(uint64_t now_s);

  // Returns at the moment of the next poll. If a moment passed while the machine slept, that poll is missed, and not
  // made when it wakes: waking is its user's doing, and not the server's business.
  void wait(WallClock& clock);

  // A poll begins now, waited for or not: its period has had it. The hour of the period behind it.
  uint32_t begun(uint64_t now_s);

 private:
  const uint64_t every_s_;
  Random& random_;
  uint64_t period_;  // the first that had no poll yet
};

}  // namespace cwtch::client
