// What loadgen prints: progress on a terminal, figures as JSON or as lines.
#pragma once

#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/latency.hpp"

namespace cwtch::loadgen {

// Adds NAME_p50_us, NAME_p99_us, NAME_p999_us, NAME_max_us and NAME_count.
void add_latency(Figures& figures, const std::string& name, const Latency& latency);
void print(const Figures& figures, bool json);
// "\rposting 42 %" on a terminal, nothing elsewhere.
void show_progress(const char* what, double fraction);

}  // namespace cwtch::loadgen
