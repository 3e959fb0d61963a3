// simulate: runs of the log in a simulated world, with power cuts at every I/O boundary, for as many seeds or minutes
// as wanted. Ends at the first failure and says how to have it again.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include "tools/common/commit.hpp"
#include "tools/common/progress.hpp"
#include "tools/simulate/log_run.hpp"

namespace {

using namespace cwtch;
using namespace cwtch::simulate;

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Settings {
  uint64_t seed = 1;
  uint64_t seeds = 100;
  double minutes = 0;
  Focus focus = Focus::all;
  tools::Progress::Style style = tools::Progress::Style::automatic;
};

int run(const Settings& settings) {
  tools::Progress progress("Simulating", "images", 0, settings.style);
  const double started_s = now_s(), limit_s = settings.minutes * 60;
  RunReport sum;
  uint64_t done = 0;
  const auto more = [&] { return limit_s > 0 ? now_s() - started_s < limit_s : done < settings.seeds; };
  for (; more(); ++done) {
    const uint64_t seed = settings.seed + done;
    const RunReport report = run_log(seed, Workload::draw(seed, settings.focus));
    sum.add(report);
    if (!report.failure.empty()) {
      progress.finish();
      fmt::print("FAILED {}\n{}commit {}\nreplay with: simulate --seed {} --seeds 1 --focus {}\n", report.message(),
                 report.history, tools::kCommit, seed, kFocusNames[static_cast<size_t>(settings.focus)]);
      return 1;
    }
    const double part = limit_s > 0 ? (now_s() - started_s) / limit_s
                                    : static_cast<double>(done + 1) / static_cast<double>(settings.seeds);
    progress.set_total(static_cast<uint64_t>(static_cast<double>(sum.images) / std::max(part, 1e-6)));
    progress.set(sum.images);
  }
  progress.finish();
  fmt::print(
      "{} seeds from {}: {} images of {} boundaries recovered and checked, {:.0f} per second; {} lives, {} records "
      "acknowledged, {} segments sealed, {} merged, {} retired; {} logs closed by an I/O error. Nothing lost.\n",
      done, settings.seed, sum.images, sum.boundaries, static_cast<double>(sum.images) / (now_s() - started_s),
      sum.lives, sum.acknowledged, sum.seals, sum.merges, sum.retired, sum.poisoned);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Runs the log in a simulated world and cuts its power at every I/O boundary. The same seed and commit give the "
      "same run."};
  Settings settings;
  bool json = false, quiet = false;
  app.add_option("--seed", settings.seed, "the first seed (1)");
  auto* const seeds = app.add_option("--seeds", settings.seeds, "how many (100)")->check(CLI::PositiveNumber);
  app.add_option("--minutes", settings.minutes, "run so long instead")->check(CLI::PositiveNumber)->excludes(seeds);
  std::string focus = kFocusNames[0];
  app.add_option("--focus", focus, "which part of the space is searched")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kFocusNames), std::end(kFocusNames))));
  app.add_flag("--json", json, "progress as JSON lines");
  app.add_flag("--quiet", quiet, "no progress");
  app.set_version_flag("--version", std::string("simulate, commit ") + tools::kCommit);
  CLI11_PARSE(app, argc, argv);
  settings.focus =
      static_cast<Focus>(std::find(std::begin(kFocusNames), std::end(kFocusNames), focus) - std::begin(kFocusNames));
  if (json) settings.style = tools::Progress::Style::json;
  if (quiet) settings.style = tools::Progress::Style::quiet;
  return run(settings);
}
