// For tests of the report that are not C++:
//
//   report_fixture lines FILE          writes the lines of tests/support/result_lines.hpp
//   report_fixture report PATH... -o FILE   calls pirbench's subcommand
#include <CLI/CLI.hpp>
#include <fstream>

#include "tests/support/result_lines.hpp"
#include "tools/pirbench/commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("The report of pirbench, on lines that are computed");
  app.require_subcommand(1);
  std::string file;
  app.add_subcommand("lines", "Write result lines")->add_option("FILE", file)->required();
  const auto report = cwtch::pirbench::add_report(app);
  CLI11_PARSE(app, argc, argv);
  if (app.got_subcommand("report")) return report();
  std::ofstream(file) << cwtch::test::text_of(cwtch::test::experiment_lines());
  return 0;
}
