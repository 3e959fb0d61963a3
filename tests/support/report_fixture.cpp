// For tests of the report that are not C++:
//
//   report_fixture lines FILE          writes the lines of tests/support/result_lines.hpp
//   report_fixture report PATH... -o FILE   calls pirbench's subcommand
#include <CLI/CLI.hpp>
#include <fstream>

#include "tests/support/result_lines.hpp"
#include "tools/pirbench/report.hpp"

int main(int argc, char** argv) {
  CLI::App app("The report of pirbench, on lines that are computed");
  app.require_subcommand(1);
  std::string output;
  std::vector<std::string> paths;
  int status = 0;

  CLI::App* const lines = app.add_subcommand("lines", "Write result lines");
  lines->add_option("FILE", output)->required();
  lines->callback([&] { std::ofstream(output) << cwtch::test::text_of(cwtch::test::experiment_lines()); });

  CLI::App* const report = app.add_subcommand("report", "Make a report");
  report->add_option("PATH", paths)->required();
  report->add_option("-o", output)->required();
  report->callback([&] { status = cwtch::pirbench::write_report(paths, output); });

  CLI11_PARSE(app, argc, argv);
  return status;
}
