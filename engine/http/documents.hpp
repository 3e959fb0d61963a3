// The JSON documents of the native API. Built off the hot path, and the same for everybody: build one when the log's
// layout or committed position has moved, and share it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/log/format.hpp"

namespace cwtch::http {

struct SchemeEntry {
  std::string_view name;     // "full", "segments", "cursor", ...
  std::string_view trust;    // what a client must believe of the server
  std::string_view leakage;  // what the server learns from a client that uses it
  bool allowed;              // by this server's configuration
};

// The schemes this engine serves, in order; `cursor` is allowed only where leaky modes are.
std::vector<SchemeEntry> schemes(bool leaky_modes);

// Limits that a client must know. Zero in a retention limit: none.
struct ServerDocument {
  ByteArray<32> server_key;    // Ed25519: the token board's identity, which is the server's name
  std::string_view host;       // the same key as an onion host name of 56 letters, without ".onion"
  ByteArray<32> token_key;     // Ed25519: the token service's identity
  ByteArray<32> api_key;       // Ed25519: the native API's own identity
  std::string_view admission;  // "open"
  std::string_view query_admission;
  uint32_t chunk_bytes;
  uint32_t row_bytes;
  uint32_t seal_records;
  uint32_t seal_records_hour_min;
  uint64_t retain_bytes_max;
  uint64_t retain_records_max;
  uint32_t retain_days_max;
  uint32_t heartbeat_s;
  log::Position first_retained;
  log::Position committed_end;
  std::span<const SchemeEntry> schemes;
};
std::string to_json(const ServerDocument& document);

struct SegmentEntry {
  log::Position first;
  log::Position last;  // inclusive
  uint64_t file_bytes;
  ByteArray<32> sha256;
  uint32_t chain_before;
  uint64_t index_bytes;  // of its index file
  ByteArray<32> index_sha256;
};
struct SegmentsDocument {
  log::Position first_retained;
  log::Position tail_first;  // of the first record that is in no sealed segment yet
  std::span<const SegmentEntry> segments;
};
std::string to_json(const SegmentsDocument& document);

// What is offered for private retrieval. Each scheme's databases are what pir::Grid covers [first_row, end_row) with.
struct DatabaseEntry {
  std::string_view name;
  uint64_t first_row, rows;
  uint32_t parts;
  std::string_view partition;
  uint64_t request_bytes, answer_bytes;
  struct Static {
    ByteArray<32> sha256;
    uint64_t bytes;
  };
  std::vector<Static> statics;
};
struct OfferEntry {
  std::string_view scheme;
  std::string_view parameters;
  uint64_t unit, factor, rows_max;  // of its grid
  uint64_t first_row, end_row;
  std::vector<DatabaseEntry> databases;
  std::optional<DatabaseEntry> hot, day;  // of polls: over the newest windows, and over the day before
};
struct WindowEntry {
  uint32_t hour;  // since 1970
  uint64_t end_row;
};
struct DatabasesDocument {
  uint32_t row_bytes;
  uint64_t windows_first_row;
  std::vector<WindowEntry> windows;  // whole ones, oldest first
  std::vector<OfferEntry> offers;
};
std::string to_json(const DatabasesDocument& document);

}  // namespace cwtch::http
