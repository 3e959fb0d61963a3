// pirbench: compares schemes of private retrieval on a real log, with one command. docs/pir/bench.md.
#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/common/commit.hpp"
#include "tools/pirbench/commands.hpp"

int main(int argc, char** argv) {
  using namespace cwtch::pirbench;
  CLI::App app{
      "Compares schemes of private retrieval: bytes, CPU, memory, wrong rows, and what the formulas predict.\n\n"
      "  pirbench run --preset smoke -o out     measure\n"
      "  pirbench report out -o report.html     look at it in any browser\n"
      "  pirbench params                        parameter sets and their security\n"
      "  pirbench ways                          what a fetch and a day of polls move"};
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("pirbench, commit ") + cwtch::tools::kCommit);

  std::vector<std::pair<const char*, Command>> commands;
  commands.emplace_back("run", add_run(app));
  commands.emplace_back("calibrate", add_calibrate(app));
  commands.emplace_back("params", add_params(app));
  commands.emplace_back("ways", add_ways(app));
  commands.emplace_back("report", add_report(app));
  CLI11_PARSE(app, argc, argv);
  for (const auto& [name, command] : commands) {
    if (app.got_subcommand(name)) return command();
  }
  return 1;
}
