// An experiment: which workloads, schemes and geometries are measured, how, and at what prices. Read from TOML; unknown
// keys are errors that name the nearest known one, so that a typo never measures something else. docs/pir/bench.md has
// every key.
//
// Thread: any; values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/or_text.hpp"
#include "pir/geometry.hpp"

namespace cwtch::pirbench {

struct Workload {
  enum class Kind : uint8_t {
    log,   // rows of a chat trace's records
    grid,  // rows of random bytes
  };
  Kind kind = Kind::log;
  std::vector<uint64_t> rows;         // log: sizes of it
  std::vector<uint64_t> total_bytes;  // grid
  std::vector<uint64_t> row_bytes = {3072};
  std::string trace;  // log: a trace file; "" generates one of the same shape
  uint64_t seed = 1;
};

struct SchemeChoice {
  std::string name;
  std::vector<uint64_t> parts = {1};
  std::vector<pir::Partition> partitions = {pir::Partition::contiguous};
};

struct Link {
  double bytes_per_s = 250e3;  // through Tor
  double round_trip_s = 0.8;
};

struct Prices {
  double cpu_hour = 0.02;  // of one core
  double gigabyte = 0.01;  // of traffic, 10^9 bytes
};

struct Experiment {
  std::string name;  // of the file, without its ending
  std::vector<Workload> workloads;
  std::vector<SchemeChoice> schemes;
  std::vector<uint64_t> batches = {1, 4, 16, 64};  // ascending
  uint64_t repetitions = 5;                        // of each measurement, at most
  double seconds_max = 60;                         // for the repetitions of one measurement; one is always made
  uint64_t threads = 1;                            // of the server half
  uint64_t memory_max = 0;                         // 0: four fifths of what the system says is available
  std::string label;                               // of the machine, for the report
  Link link;
  Prices prices;
};

// `source` names the text in messages.
OrText<Experiment> parse_experiment(std::string_view toml, std::string_view source);
OrText<Experiment> load_experiment(const std::string& path);

struct Preset {
  std::string_view name;
  std::string_view toml;
};
std::span<const Preset> presets();  // embedded from tools/pirbench/presets
OrText<Experiment> load_preset(std::string_view name);

const char* name(Workload::Kind kind);

}  // namespace cwtch::pirbench
