// One simulated run of the log: it is made, filled, loses power at every I/O boundary (in images) and now and then for
// good, recovers and goes on. All from one seed.
#pragma once

#include <string>

#include "engine/sim/world.hpp"
#include "tools/simulate/image_check.hpp"

namespace cwtch::simulate {

struct RunReport {
  std::string failure;  // empty: everything held
  uint64_t seed = 0;
  uint64_t images = 0, boundaries = 0, lives = 0, kills = 0, acknowledged = 0, seals = 0, merges = 0, retired = 0;
  uint64_t repeats = 0, conflicts = 0, poisoned = 0;
  std::string history;  // the disk's last calls before the failure

  void add(const RunReport& other);  // its counts

  // "seed 7, life 2, boundary 131: position 12 holds other bytes than were posted"
  std::string message() const { return "seed " + std::to_string(seed) + ", " + failure; }
};

RunReport run_log(uint64_t seed, const Workload& workload);

}  // namespace cwtch::simulate
