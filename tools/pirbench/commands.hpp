// The subcommands of pirbench, one each: what it takes, and what it does. Each adds itself to the command line and says
// in the end what the process returns.
//
// Thread: one.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace cwtch::pirbench {

using Command = std::function<int()>;

// Returns what to do when the subcommand was given; `app` must outlive it.
Command add_run(CLI::App& app);
Command add_calibrate(CLI::App& app);
Command add_params(CLI::App& app);
Command add_report(CLI::App& app);
Command add_ways(CLI::App& app);

}  // namespace cwtch::pirbench
