// Which rows a database holds, and how they are divided into parts.
//
// A row is `row_bytes` bytes of one padded record (engine/log/rows.hpp); rows are numbered from the log's beginning. A
// database is a sealed, immutable range of rows. One query fetches at most one row from each of its parts.
//
// Thread: any; values.
#pragma once

#include <cstdint>

#include "engine/core/result.hpp"

namespace cwtch::pir {

enum class Partition : uint8_t {
  contiguous,   // part j: the j-th stretch of the range, all as long as each other but for one row
  interleaved,  // part j: every parts-th row from the j-th on, so that neighbours lie in different parts
};
const char* name(Partition partition);

struct Geometry {
  uint64_t first_row = 0;
  uint64_t rows = 0;
  uint32_t row_bytes = 3072;
  uint32_t parts = 1;
  Partition partition = Partition::contiguous;

  // Without a branch: rows may be secret. A row before the first is beyond any number of rows from it.
  bool contains(uint64_t row) const { return row - first_row < rows; }
  uint64_t end_row() const { return first_row + rows; }
  uint64_t bytes() const { return rows * row_bytes; }

  // Rows of part `part`, and the one that is its `index`-th. REQUIRES: part < parts, index < part_rows(part).
  uint64_t part_rows(uint32_t part) const;
  uint64_t row_at(uint32_t part, uint64_t index) const;
  // The inverse. REQUIRES: contains(row)
  struct Place {
    uint32_t part;
    uint64_t index;
  };
  Place place_of(uint64_t row) const;

  friend bool operator==(const Geometry&, const Geometry&) = default;
};

constexpr uint64_t kRowsMax = uint64_t{1} << 26;  // of a database
constexpr uint32_t kPartsMax = 64;
// Of what schemes can do; rows of a log are larger (log::kRowBytesMin), which its readers check.
constexpr uint32_t kRowBytesMin = 32;
constexpr uint32_t kRowBytesMax = 65536;

// malformed: no rows, no parts, more parts than rows, or more of anything than the limits above allow. For what a
// server says; schemes have limits of their own.
Status check(const Geometry& geometry);

}  // namespace cwtch::pir
