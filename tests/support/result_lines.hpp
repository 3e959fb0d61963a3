// Result lines as pirbench writes them, for tests: bytes and work are Scheme::cost()'s, seconds those of a machine that
// does not exist. Nothing is measured, and the lines say so in the machine's name.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pir/registry.hpp"

namespace cwtch::test {

using Json = nlohmann::ordered_json;

struct ResultCell {
  const char* scheme = "ring32";
  uint64_t rows = 10'000;
  uint32_t row_bytes = 3072;
  uint32_t parts = 1;
  uint32_t batch = 1;
};

inline constexpr pir::Machine kImagined{
    .read_byte = 1e-10, .mac = 2e-11, .transform = 2e-6, .pack_word = 3e-10, .sample = 2e-8};

// Around `seconds`, unlike each other and unlike the prediction.
inline Json samples(double seconds) { return {seconds * 1.15, seconds * 1.02, seconds * 1.31}; }

inline Json scheme_of(const pir::Info& info) {
  return {{"name", info.name},
          {"parameters", info.parameters},
          {"trust", pir::name(info.trust)},
          {"links_sessions", info.leakage.links_sessions},
          {"reveals_volume", info.leakage.reveals_volume},
          {"reveals_messages", info.leakage.reveals_messages},
          {"leakage_note", info.leakage.note},
          {"classical_bits", info.classical_bits},
          {"quantum_bits", info.quantum_bits},
          {"security_model", info.security_model}};
}

inline Json result_line(const ResultCell& cell) {
  const pir::Scheme& scheme = *pir::find_scheme(cell.scheme);
  const pir::Geometry geometry{.rows = cell.rows, .row_bytes = cell.row_bytes, .parts = cell.parts};
  const pir::Cost cost = scheme.cost(geometry, cell.batch);
  const auto bytes = [](double value) { return Json{{"measured", value}, {"predicted", value}}; };
  const auto seconds_of = [](const pir::Work& work) { return pir::seconds(work, kImagined); };
  const double client = seconds_of(cost.client);
  Json line = {{"schema", "pirbench-1"}, {"experiment", "fixture"}};
  line["id"] = std::string(cell.scheme) + "-" + std::to_string(cell.rows) + "-" + std::to_string(cell.row_bytes) + "-" +
               std::to_string(cell.parts) + "-" + std::to_string(cell.batch);
  line["machine"] = {{"cpu", "no machine: computed from Scheme::cost()"},
                     {"cores", 2},
                     {"memory_bytes", 8e9},
                     {"kernel_target", "none"},
                     {"commit", "fixture"},
                     {"label", ""}};
  line["workload"] = {
      {"kind", "log"}, {"rows", cell.rows}, {"row_bytes", cell.row_bytes}, {"source", "generated"}, {"seed", 1}};
  line["scheme"] = scheme_of(scheme.info());
  line["geometry"] = {{"parts", cell.parts}, {"partition", "contiguous"}};
  line["batch"] = cell.batch;
  line["status"] = "measured";
  line["reason"] = "";
  line["bytes"] = {{"request", bytes(cost.request_bytes)},
                   {"answer", bytes(cost.answer_bytes)},
                   {"statics", bytes(cost.statics_bytes)},
                   {"server_memory", {{"measured", cost.server_bytes * 1.02}, {"predicted", cost.server_bytes}}}};
  line["peak_memory_bytes"] = cost.server_bytes + 5e7;
  line["seconds"] = {
      {"setup", {{"samples", samples(seconds_of(cost.setup))}, {"predicted", seconds_of(cost.setup)}}},
      {"answer", {{"samples", samples(seconds_of(cost.answer))}, {"predicted", seconds_of(cost.answer)}}},
      {"client_query", {{"samples", samples(client * 0.7)}, {"predicted", nullptr}}},
      {"client_recover", {{"samples", samples(client * 0.4)}, {"predicted", nullptr}}},
      {"client", {{"predicted", client}}}};
  line["rows_fetched"] = cost.rows_fetched;
  line["queries"] = 3 * cell.batch;
  line["wrong_rows"] = 0;
  line["link"] = {{"bytes_per_s", 250e3}, {"round_trip_s", 0.8}};
  line["prices"] = {{"cpu_hour", 0.02}, {"gigabyte", 0.01}};
  return line;
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
