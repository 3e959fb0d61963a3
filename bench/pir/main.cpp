// pir_bench: private retrieval over 65,536 rows of 3,072 bytes, its kernels and its schemes, beside what the machine
// can do at most, in interleaved rounds. Started by tools/bench --pir; docs/benchmarks.md says how to read what becomes
// of it.
//
// Workload: scans by 1, 16 and 64 queries, whole and in eight parts, by one thread and two; hints; packing; all that a
//           server does for one query, and for 16 at once.
// Bytes:    the database (192 MiB) and what is prepared for packing (20 MiB for 1,024 bytes of a row), each read once.
// Ceilings: one sequential read of the database; VPDPBUSD on registers alone.
//
// Prints JSON, one object per line: what was measured, then the figures of each round.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/pir/ceilings.hpp"
#include "bench/pir/figures.hpp"
#include "kernels/pack.hpp"
#include "kernels/scan.hpp"

namespace {

using namespace cwtch;
using bench::Figure;

constexpr int kQuickTurns = 7, kSlowTurns = 2;

void print(const nlohmann::json& object) {
  std::printf("%s\n", object.dump().c_str());
  std::fflush(stdout);
}

// The best of several turns through all figures of one speed.
void measure(const std::vector<Figure>& figures, bool slow, nlohmann::json& round) {
  std::vector<double> best(figures.size(), 1e9);
  for (int turn = 0; turn < (slow ? kSlowTurns : kQuickTurns); ++turn) {
    for (size_t i = 0; i < figures.size(); ++i) {
      if (figures[i].slow == slow) best[i] = std::min(best[i], figures[i].measure());
    }
  }
  for (size_t i = 0; i < figures.size(); ++i) {
    if (figures[i].slow == slow) round[figures[i].name] = figures[i].value(best[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures private retrieval beside this machine's ceilings"};
  int rounds = 5;
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);

  std::vector<std::shared_ptr<void>> keep;
  std::vector<Figure> figures = bench::scan_figures(keep);
  bench::PirFigures pir = bench::pir_figures(keep);
  std::move(pir.figures.begin(), pir.figures.end(), std::back_inserter(figures));

  nlohmann::json about = {{"rows", bench::kRows},
                          {"row_bytes", bench::kRowBytes},
                          {"prepared_bytes", pir.prepared_bytes},
                          {"prepared_bytes_per_part", pir.prepared_bytes_per_part},
                          {"packings", pir.packings},
                          {"vnni", bench::has_vnni()},
                          {"scan", kernels::scan().name},
                          {"ring", kernels::ring().name},
                          {"pack", kernels::pack().name}};
  for (const Figure& figure : figures) about["units"][figure.name] = figure.unit;
  print(about);
  for (int i = 0; i < rounds; ++i) {
    nlohmann::json round;
    for (const bool slow : {false, true}) measure(figures, slow, round);
    print(round);
  }
  return 0;
}
