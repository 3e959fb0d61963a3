// One line of pirbench's results, checked: what was measured of one scheme, geometry and batch, and what was predicted.
// docs/pir/report.md names the fields that a report needs.
//
// Numbers lie from 0 to 10^18. What a skipped or failed cell could not measure is absent or null.
//
// Thread: any; values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/or_text.hpp"

namespace cwtch::pirbench::report {

inline constexpr const char* kSchema = "pirbench-1";

struct Quantity {
  std::optional<double> measured, predicted;
};

struct Seconds {
  std::vector<double> samples;
  std::optional<double> predicted;
};

struct ResultLine {
  enum class Outcome : uint8_t { measured, skipped, failed };

  std::string id, experiment;
  struct {
    std::string cpu, kernel_target, commit, label;
    double cores = 0, memory_bytes = 0;
  } machine;
  struct {
    std::string kind, source;
    double rows = 0, row_bytes = 0, seed = 0;
  } workload;
  struct {
    std::string name, parameters, trust, leakage_note, security_model;
    bool links_sessions = false, reveals_volume = false, reveals_messages = false;
    double classical_bits = 0, quantum_bits = 0;
  } scheme;
  struct {
    double parts = 1;
    std::string partition;
  } geometry;
  double batch = 1;
  double threads = 1;  // of the server's half
  Outcome outcome = Outcome::measured;
  std::string reason;
  Quantity request, answer, statics, server_memory;  // bytes: of one query, of one query, per database, of a server
  std::optional<double> peak_memory_bytes;           // of the process that measured
  Seconds setup, batch_answer, client_query, client_recover;  // CPU seconds: a database, a whole batch, one query each
  std::optional<double> client_predicted;                     // query and recovery together
  std::optional<double> rows_fetched;                         // by one query
  std::optional<double> queries, wrong_rows;                  // how many were tried, and rows that came out wrong
  double link_bytes_per_s = 0, link_round_trip_s = 0;
  double price_cpu_hour = 0, price_gigabyte = 0;
};

// The error names the field and says what it should be.
OrText<ResultLine> parse_result_line(std::string_view line);

}  // namespace cwtch::pirbench::report
