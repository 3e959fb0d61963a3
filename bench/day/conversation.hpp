// Who says something when, in the shape of a chat trace: a member's group, and everybody else on its server.
//
// Others  conversations of the trace, as fast as they were, laid over each other until they fill a day. Every day is
//         the same to them.
// Ours    one conversation, slowed until its busiest day has as many messages as the member's: its bursts stay bursts.
//
// Thread: any. The same trace, or the same seed, gives the same days.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/result.hpp"

namespace cwtch::bench {

struct Said {
  uint32_t seconds;  // of its day
  std::string text;
};

struct Days {
  std::vector<uint32_t> others;         // seconds of the day, in order
  std::vector<std::vector<Said>> ours;  // per day; the second is the busiest
};

struct DaysOptions {
  uint64_t records_per_day;  // at most: everybody's, and ours
  uint64_t wanted_per_day;   // ours, at most
  uint32_t day_seconds;
  std::string trace;  // its file; "" generates one, whose bursts are denser than a real one's when it is slowed
  uint64_t seed;
};

constexpr size_t kDays = 3;
Result<Days> make_days(const DaysOptions& options);

}  // namespace cwtch::bench
