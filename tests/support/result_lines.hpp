// Result lines as pirbench writes them, for tests: bytes and work are Scheme::cost()'s, seconds those of a machine that
// does not exist. Nothing is measured, and the lines say so in the machine's name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pir/registry.hpp"
#include "tools/pirbench/result_line.hpp"

namespace cwtch::test {

using Json = nlohmann::ordered_json;

struct ResultCell {
  const char* scheme = "ring32";
  uint64_t rows = 10'000;
  uint32_t row_bytes = 3072;
  uint32_t parts = 1;
  uint32_t batch = 1;
};

inline constexpr pir::Machine kImagined{.read_byte = 1e-10,
                                        .copied = 4e-10,
                                        .mac = 2e-11,
                                        .transform = 2e-6,
                                        .pack_read = 2e-10,
                                        .pack_word = 3e-10,
                                        .word_mac = 4e-10,
                                        .sample = 2e-8};

// Around `seconds`, unlike each other and unlike the prediction.
inline std::vector<double> samples(double seconds) { return {seconds * 1.15, seconds * 1.02, seconds * 1.31}; }

inline Json result_line(const ResultCell& cell) {
  const pir::Scheme& scheme = *pir::find_scheme(cell.scheme);
  const pir::Geometry geometry{.rows = cell.rows, .row_bytes = cell.row_bytes, .parts = cell.parts};
  const pir::Cost cost = scheme.cost(geometry, cell.batch);
  const auto seconds_of = [](const pir::Work& work) { return pir::seconds(work, kImagined); };
  const double client = seconds_of(cost.client);
  pirbench::SetupFigures setup;
  setup.cpu = setup.wall = samples(seconds_of(cost.setup));
  setup.statics_bytes = static_cast<uint64_t>(cost.statics_bytes);
  setup.server_bytes = static_cast<uint64_t>(cost.server_bytes * 1.02);
  pirbench::BatchFigures figures;
  figures.answer_cpu = figures.answer_wall = samples(seconds_of(cost.answer));
  figures.query = samples(client * 0.7);
  figures.recover = samples(client * 0.4);
  figures.request_bytes = cost.request_bytes;
  figures.answer_bytes = cost.answer_bytes;
  figures.queries = 3 * uint64_t{cell.batch};
  figures.peak_bytes = static_cast<uint64_t>(cost.server_bytes) + 50'000'000;
  pirbench::Experiment experiment;
  experiment.name = "fixture";
  const pirbench::MachineInfo machine{.cpu = "no machine: computed from Scheme::cost()",
                                      .cores = 2,
                                      .memory_bytes = 8'000'000'000,
                                      .kernel_target = "none",
                                      .commit = "fixture",
                                      .label = ""};
  const pirbench::Cell measured{.database = {.rows = cell.rows, .row_bytes = cell.row_bytes, .trace = ""},
                                .scheme = &scheme,
                                .geometry = geometry};
  return pirbench::result_line({experiment, machine, kImagined}, measured, cell.batch, pirbench::Outcome::measured, "",
                               setup, figures);
}

// As one that was not measured: no figure of its own.
inline Json unmeasured_line(const ResultCell& cell, const char* status, const char* reason) {
  Json line = result_line(cell);
  line["status"] = status;
  line["reason"] = reason;
  for (auto& quantity : line["bytes"]) quantity["measured"] = nullptr;
  for (auto& seconds : line["seconds"]) {
    if (seconds.contains("samples")) seconds["samples"] = Json::array();
  }
  for (const char* field : {"peak_memory_bytes", "queries", "wrong_rows"}) line[field] = nullptr;
  return line;
}

// Every scheme at two sizes of a log, ring32 in one and in eight parts, four batches, and cells that failed.
inline std::vector<Json> experiment_lines() {
  std::vector<Json> lines;
  for (const uint64_t rows : {10'000u, 100'000u}) {
    for (const pir::Scheme* scheme : pir::schemes()) {
      const std::string name = scheme->info().name;
      for (const uint32_t parts : {1u, 8u}) {
        if (parts > 1 && name != "ring32" && name != "direct") continue;
        for (const uint32_t batch : {1u, 4u, 16u, 64u}) {
          lines.push_back(result_line({scheme->info().name, rows, 3072, parts, batch}));
        }
      }
    }
  }
  lines.push_back(unmeasured_line({"simplepir", 1'000'000}, "skipped", "needs 7.1 GB, memory_max is 6.4 GB"));
  lines.push_back(unmeasured_line({"ring32", 1'000'000}, "failed", "the answer did not open"));
  return lines;
}

inline std::string text_of(const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  return text;
}

}  // namespace cwtch::test
