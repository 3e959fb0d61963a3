// The JSON documents of the native API, read with suspicion: what a server says of itself and of its segments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"
#include "pir/windows.hpp"

namespace cwtch::client {

constexpr size_t kServerDocumentBytesMax = 64 * 1024;
constexpr size_t kSegmentListBytesMax = 4 << 20;
// Of a list of databases: beyond these it is refused, so that nobody need count further.
constexpr uint64_t kRowsEndMax = uint64_t{1} << 48;
constexpr uint64_t kGridFactorMax = 64;

struct ServerFacts {
  std::string host;  // hostname of its key: what group invites name
  uint64_t first_retained = 0;
  uint64_t committed_end = 0;
  std::vector<std::string> schemes;  // that it allows
  std::string query_admission;       // its policy for queries: what a Payer must be able to pay
  bool allows(std::string_view scheme) const;
};
Result<ServerFacts> parse_server(std::string_view json);

struct SealedSegment {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive
  uint64_t bytes = 0;
  ByteArray<32> sha256{};
  uint32_t chain_before = 0;
  std::string name() const { return std::to_string(first) + "-" + std::to_string(last); }
};
// By position, without gaps, up to the tail.
struct SegmentList {
  uint64_t first_retained = 0;
  uint64_t tail_first = 0;
  std::vector<SealedSegment> segments;
  // The largest position up to `position` that anyone may name: a segment's first or the tail's.
  uint64_t boundary_at(uint64_t position) const;
};
Result<SegmentList> parse_segments(std::string_view json);

// What a server offers of one scheme of private retrieval.
struct DatabaseOffer {
  std::string name;
  uint64_t request_bytes = 0;
  struct Static {
    ByteArray<32> sha256{};
    uint64_t bytes = 0;
  };
  std::vector<Static> statics;
};
struct SchemeOffer {
  std::string scheme, parameters;
  uint64_t unit = 0, factor = 0, rows_max = 0;  // of its grid
  uint64_t first_row = 0, end_row = 0;
  std::vector<DatabaseOffer> databases;
  std::optional<DatabaseOffer> hot, day;  // of polls
};
struct OfferList {
  uint32_t row_bytes = 0;
  pir::WindowList windows;
  std::vector<SchemeOffer> offers;
};
Result<OfferList> parse_offers(std::string_view json);

// What a post was answered with: {"position":N}.
Result<uint64_t> parse_posted(std::string_view json);

}  // namespace cwtch::client
