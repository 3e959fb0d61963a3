#include <memory>
#include <string>
#include <vector>

#include "tools/pirbench/commands.hpp"
#include "tools/pirbench/report.hpp"

namespace cwtch::pirbench {
namespace {

struct Arguments {
  std::vector<std::string> paths;
  std::string output;
};

}  // namespace

Command add_report(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const report = app.add_subcommand(
      "report",
      "One HTML file of results, for any browser and without a network: traffic against work, a mobile client's day,\n"
      "batches, predictions beside measurements, and every figure in a table (docs/pir/report.md)");
  report
      ->add_option("PATH", arguments->paths,
                   "Directories that pirbench run wrote to, or .jsonl files; several machines may stand side by side")
      ->required();
  report->add_option("-o,--out", arguments->output, "The file to write")->required();
  return [arguments] { return write_report(arguments->paths, arguments->output); };
}

}  // namespace cwtch::pirbench
