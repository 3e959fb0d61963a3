// Seconds per unit of pir::Machine on this machine, by small runs of the code that does such units; and the file that
// keeps them. docs/pir/bench.md says what each run is.
//
// Thread: one.
#pragma once

#include "engine/core/or_text.hpp"
#include "pir/cost.hpp"
#include "tools/pirbench/usage.hpp"

namespace cwtch::pirbench {

struct Calibration {
  pir::Machine machine;
  std::string cpu, kernel_target, commit;
};

// Takes seconds. CPU seconds: the medians of several runs.
Calibration calibrate();

OrText<void> save(const Calibration& calibration, const std::string& path);
OrText<Calibration> load_calibration(const std::string& path);

}  // namespace cwtch::pirbench
