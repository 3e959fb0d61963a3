// What the schemes without mathematics have in common: rows in clear, on both sides.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

// All rows of a database, in order.
Bytes all_rows(const Geometry& geometry, const RowSource& rows);

// The rows that were wanted; nothing about it is encrypted, but it stays with the client.
struct WantedRows final : Secret {
  explicit WantedRows(std::span<const uint64_t> rows) : wanted(rows.begin(), rows.end()) {}
  const std::vector<uint64_t> wanted;
};

// Cuts `secret`'s rows out of `bytes`, which begin with row `first`. malformed when they are not there.
Result<std::vector<Row>> cut_rows(const Secret& secret, uint64_t first, uint32_t row_bytes, ByteView bytes);

}  // namespace cwtch::pir
