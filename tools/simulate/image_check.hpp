// Recovers the log from a crash image and compares it with what was promised.
//
// For each image: the log opens; every record that was acknowledged or shown to a reader is there, byte for byte and at
// its position; behind these come only records that were being posted; every segment's index file is whole. Some images
// are cut again after the recovery: a second one finds exactly the same. Some are cut at each boundary inside the
// recovery.
#pragma once

#include <string>

#include "engine/sim/disk.hpp"
#include "tools/simulate/truth.hpp"
#include "tools/simulate/workload.hpp"

namespace cwtch::simulate {

inline const std::string kDirectory = "log";

class ImageCheck {
 public:
  ImageCheck(const log::Options& options, uint64_t wall_hour_s) : options_(options), hour_(wall_hour_s) {}

  uint64_t images() const { return images_; }

  // Empty, or what is wrong. `again`: also a second recovery.
  std::string check(sim::Disk image, const Truth& truth, const Promise& promise, uint64_t seed, bool again);
  // With the recovery cut at each of its boundaries, `images_per_boundary` times.
  std::string check_with_recovery_cuts(sim::Disk image, const Truth& truth, const Promise& promise, uint64_t seed,
                                       uint32_t images_per_boundary);

 private:
  // *found, if asked for, gets what is there now.
  std::string recover(sim::Disk& image, const Truth& truth, const Promise& promise, uint64_t seed, Truth* found);

  log::Options options_;
  uint64_t hour_;
  uint64_t images_ = 0;
};

}  // namespace cwtch::simulate
