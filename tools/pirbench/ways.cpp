#include "tools/pirbench/ways.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "pir/fetch_bytes.hpp"
#include "pir/mobile_day.hpp"
#include "pir/registry.hpp"
#include "tools/pirbench/commands.hpp"

namespace cwtch::pirbench {
namespace {

constexpr uint64_t kRows[] = {1'000, 10'000, 100'000, 1'000'000};
constexpr uint32_t kRounds[] = {16, 64, 256, 1024};
constexpr const char* kSchemes[] = {"simplepir", "ring32"};  // need no trust, leak nothing
constexpr double kPerDay[] = {1'000, 3'000, 10'000, 30'000, 100'000, 1'000'000};

std::string mb(double bytes) { return fmt::format("{:.{}f}", bytes / 1e6, bytes < 100e6 ? 1 : 0); }

}  // namespace

std::string fetches_markdown() {
  std::string text = "| records | rounds | full | simplepir | ring32 | `auto` takes |\n|---|---|---|---|---|---|\n";
  for (const uint64_t rows : kRows) {
    for (const uint32_t rounds : kRounds) {
      const pir::FetchPlan plan{.end_row = rows, .rounds = rounds};
      double least = pir::full_send_bytes(plan);
      std::string best = "full", cells = mb(least);
      for (const char* const name : kSchemes) {
        const auto bytes = pir::fetch_bytes(*pir::find_scheme(name), plan);
        cells += " | " + (bytes ? mb(bytes->total()) : std::string("–"));
        if (!bytes || bytes->total() >= least) continue;
        least = bytes->total();
        best = name;
      }
      text += fmt::format("| {} | {} | {} | {} |\n", rows, rounds, cells, best);
    }
  }
  return text;
}

std::string days_markdown() {
  const pir::Scheme& ring32 = *pir::find_scheme("ring32");
  std::string text = "| records a day | full | ring32, hourly polls of 16 slots | times fewer |\n|---|---|---|---|\n";
  for (const double records : kPerDay) {
    const pir::MobilePlan plan{.records_per_day = records};
    const auto day = pir::mobile_day(ring32, plan);
    const double full = pir::full_send_day(plan);
    text += fmt::format("| {:.0f} | {} | {} | {} |\n", records, mb(full), day ? mb(day->total()) : "–",
                        day ? fmt::format("{:.1f}", full / day->total()) : "–");
  }
  return text;
}

Command add_ways(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("ways", "Prints what a fetch, and a day of polls, move by each scheme");
  command->footer(
      "Megabytes by the schemes' own formulas, for records of one row of 3,072 bytes: what\n"
      "`cwtchc sync --scheme auto` compares. The tables are Markdown, those of docs/pir/choosing.md.");
  return [] {
    fmt::print("{}\n{}", fetches_markdown(), days_markdown());
    return 0;
  };
}

}  // namespace cwtch::pirbench
