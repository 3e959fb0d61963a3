// One line of results.jsonl: one cell with one batch size, measured beside predicted. docs/pir/bench.md has every
// field; what reads it finds the same fields in every line, whatever its status.
//
// Thread: any; pure.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/pirbench/calibrate.hpp"
#include "tools/pirbench/measure.hpp"

namespace cwtch::pirbench {

// What all lines of one run have in common.
struct RunContext {
  const Experiment& experiment;
  const MachineInfo& machine;
  const pir::Machine& prices;  // seconds per unit
};

enum class Outcome : uint8_t {
  measured,
  skipped,  // does not fit: the machine's memory, or the scheme
  failed,   // an error, or a row that was not what it should be
};

// Without figures: nothing was measured, and `reason` says why.
nlohmann::ordered_json result_line(const RunContext& run, const Cell& cell, uint64_t batch, Outcome outcome,
                                   const std::string& reason, const SetupFigures& setup, const BatchFigures& figures);

}  // namespace cwtch::pirbench
