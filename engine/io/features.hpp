// Which io_uring this kernel has, what the engine needs of it and why, and what to do when it is refused.
//
// Thread:  any. probe_uring() makes a few rings of one entry and lets them go: well under a millisecond.
#pragma once

#include <span>
#include <vector>

#include "engine/core/result.hpp"

namespace cwtch::io {

// Not named by liburing 2.3: IORING_FEAT_REG_REG_RING, Linux 6.3.
constexpr uint32_t kFeatureRegRegRing = 1u << 13;

struct Feature {
  enum class Kind : uint8_t {
    setup,      // `bit` is an IORING_SETUP_ flag
    feature,    // an IORING_FEAT_ flag
    operation,  // an IORING_OP_ code
    buffers,    // IORING_REGISTER_PBUF_RING
  };
  const char* name;
  Kind kind;
  uint32_t bit;
  bool required;      // false: the ring is used without it, and `reason` is what that costs
  const char* needs;  // first kernel that has it
  const char* reason;
};

// Everything that uring.cpp relies on; nothing else is used.
std::span<const Feature> uring_features();

// One line of `cwtchd doctor`.
struct FeatureReport {
  const char* name;    // "PBUF_RING"
  const char* needs;   // "Linux 5.19"
  const char* reason;  // what it is used for here, or what its lack costs
  bool required;       // without it the ring is not used at all
  bool present;
};

struct UringReport {
  bool usable = false;
  Error refusal{Errc::unsupported};  // why not, and what helps: its context has both; valid unless usable
  const char* cause = "";            // the two apart, for a table
  const char* cure = "";
  std::vector<FeatureReport> features;  // as uring_features(); empty when the kernel makes no ring at all

  bool has(Feature::Kind kind, uint32_t bit) const;
};

UringReport probe_uring();

// The refusal that goes with an errno of io_uring_setup(2); it looks at the sysctl to tell who refused.
UringReport refused_uring(int sys);

}  // namespace cwtch::io
