// `pirbench run`: measures the cells of an experiment that its folder does not have yet.
//
// Thread: one.
#pragma once

#include <functional>
#include <string>

#include "tools/common/progress.hpp"
#include "tools/pirbench/experiment.hpp"

namespace cwtch::pirbench {

struct RunOptions {
  std::string directory;
  bool retry = false;  // what was skipped or failed is tried again
  tools::Progress::Style progress = tools::Progress::Style::automatic;
  std::function<bool()> stop = [] { return false; };                      // asked between measurements
  std::function<void(const std::string& line)> say = [](const auto&) {};  // a line for people per measurement
};

struct RunSummary {
  uint64_t measured = 0, skipped = 0, failed = 0;  // by this run, batch sizes of cells
  uint64_t there = 0;                              // were in the folder
  bool stopped = false;
};

OrText<RunSummary> run_experiment(const Experiment& experiment, const RunOptions& options);

}  // namespace cwtch::pirbench
