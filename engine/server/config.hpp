// Settings of a server. Each is one row of a table (config_options.cpp) with its unit, bounds and reason; flags,
// environment, the TOML file, `--help` and the commented file that `cwtchd init` writes all come from that table.
//
// Precedence: flags > CWTCHD_* > TOML > defaults.
// Errors:     text for the operator, naming the key, where it was set and what to do. An unknown key is an error that
//             names the nearest known one.
// Thread:     any; start-up only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/or_text.hpp"
#include "engine/core/spelling.hpp"

namespace cwtch::server {

struct Config {
  // server
  std::vector<std::string> listen = {"127.0.0.1:7140"};
  bool allow_plaintext = false;
  std::string admission = "open";
  bool leaky_modes = false;
  // threads
  uint64_t shards = 1;
  uint64_t writer_shard = 0;
  std::string io = "auto";
  // stream
  uint64_t cache_bytes = 64ull << 20;
  uint64_t read_ahead_chunks = 8;
  uint64_t send_buffer_bytes = 256ull << 10;
  uint64_t bulk_bytes_per_turn = 128ull << 10;
  uint64_t heartbeat_s = 60;
  // limits
  uint64_t connections_max = 8192;
  uint64_t request_s = 10;
  uint64_t idle_s = 75;
  uint64_t stall_s = 300;
  // log
  uint64_t seal_records = 4096;
  uint64_t seal_records_hour_min = 64;
  uint64_t merge_factor = 8;
  uint64_t merged_bytes_max = 1ull << 30;
  uint64_t group_bytes_max = 1ull << 20;
  bool sync_with_fdatasync = false;
  uint64_t chunk_bytes = 256ull << 10;
  uint64_t journal_files = 4;
  uint64_t journal_file_bytes = 16ull << 20;
  uint64_t row_bytes = 3072;
  // retention
  uint64_t retain_bytes_max = 0;
  uint64_t retain_records_max = 0;
  uint64_t retain_days_max = 0;
  // pir
  std::vector<std::string> schemes = {};
  bool allow_relaxed_trust = false;
  uint64_t database_bytes_max = 1ull << 30;
  uint64_t database_rows_max = 65536;
  bool polls = true;
  uint64_t poll_bytes_max = 3ull << 30;
  std::string query_admission = "open";
  uint64_t query_threads = 1;
  uint64_t queries_max = 256;
  uint64_t batch_window_ms = 20;
  // admin
  std::string admin_socket = "admin.sock";
  std::string log_level = "info";
};

// One row of the table.
struct Option {
  const char* section;  // of the TOML file
  const char* name;     // in the section, and unique without it
  const char* unit;     // "bytes", "seconds", ...; "" where the value says it
  std::variant<bool Config::*, uint64_t Config::*, std::string Config::*, std::vector<std::string> Config::*> member;
  uint64_t min = 0, max = UINT64_MAX;     // of numbers
  std::vector<const char*> choices = {};  // of texts, if only these are allowed
  const char* what;                       // one sentence
  const char* why;                        // why this default, or what speaks for another value
  bool fixed_by_init = false;             // part of the log's format: later changes have no effect

  std::string key() const;          // "log.seal_records"
  std::string flag() const;         // "--seal-records"
  std::string environment() const;  // "CWTCHD_SEAL_RECORDS"
};

std::span<const Option> options();

// Sets one option from text: "64MiB", "true", "127.0.0.1:0,[::1]:0". `source` is named in errors.
OrText<void> set(Config& config, const Option& option, std::string_view text, std::string_view source);
std::string value_text(const Config& config, const Option& option);

// The file's settings on top of what `config` holds.
OrText<void> apply_toml(Config& config, std::string_view toml, std::string_view source);
// Every CWTCHD_* in `environment` ("NAME=value", as environ). An unknown one is an error as well.
OrText<void> apply_environment(Config& config, const char* const* environment);
// What no option says alone: the writer is one of the shards, `open` only on loopback, plain text elsewhere only if
// allowed.
OrText<void> check(const Config& config);

// The commented file that `init` writes: every option with its default, disabled, except what `config` has changed.
std::string commented_toml(const Config& config);

}  // namespace cwtch::server
