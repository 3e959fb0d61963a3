// From the result lines of pirbench, one HTML file: charts, and the tables they were drawn from. docs/pir/report.md
// says what it shows and how each figure is computed.
//
// The file asks for nothing: scripts, styles and data are in it, and its policy forbids requests and any script but its
// own. Whatever a result line says stays text: a name of a scheme may be hostile.
//
// Errors: a text that names file and line, what is wrong, and the cure. A last line that was torn by a crash is left
//         out and reported in the page; every other broken line is an error.
// Thread: any.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/core/or_text.hpp"
#include "pir/mobile_day.hpp"

namespace cwtch::pirbench {

struct ResultFile {
  std::string name;  // for people
  std::string text;  // JSON lines
};

// `plan` is the mobile client's whose day is drawn; its records_per_day does not matter.
OrText<std::string> make_report(std::span<const ResultFile> files, const pir::MobilePlan& plan = {});

// The subcommand: every .jsonl file of the directories (or a file that is named itself) into the file `output`. Says on
// standard error why it failed; returns the exit status.
int write_report(const std::vector<std::string>& paths, const std::string& output);

}  // namespace cwtch::pirbench
