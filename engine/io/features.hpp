// What the ring back end needs of the kernel, and why. Probed at start-up and by `cwtchd doctor`.
#pragma once

#include <string>
#include <vector>

#include "engine/core/result.hpp"

namespace cwtch::io {

struct FeatureReport {
  const char* name;    // "provided-buffer rings"
  const char* needs;   // "Linux 5.19"
  const char* reason;  // what it is used for here
  bool required;       // without it the ring is not used at all
  bool present;
};

// One line per feature. Empty when io_uring itself is refused: then *refused says why and what to do.
std::vector<FeatureReport> probe_features(std::string* refused);

// For a ring just made: unsupported, naming the first missing feature that is required.
Status check_features(int ring_descriptor);

// Why io_uring_setup or a registration failed, and the cure.
Error refusal(int sys);

}  // namespace cwtch::io
