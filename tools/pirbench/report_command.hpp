// pirbench report: the subcommand, for main.cpp and for tests.
//
// Thread: one.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace cwtch::pirbench {

// Adds itself to the command line; returns what to do when it was given, which returns the exit status. `app` must
// outlive it.
std::function<int()> add_report(CLI::App& app);

}  // namespace cwtch::pirbench
