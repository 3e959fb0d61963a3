#include "pir/geometry.hpp"

#include "engine/core/check.hpp"
#include "pir/lattice/constant_time.hpp"

namespace cwtch::pir {

const char* name(Partition partition) { return partition == Partition::contiguous ? "contiguous" : "interleaved"; }

uint64_t Geometry::part_rows(uint32_t part) const {
  CHECK(part < parts);
  if (partition == Partition::interleaved) return (rows + parts - 1 - part) / parts;
  return rows * (part + 1) / parts - rows * part / parts;
}

uint64_t Geometry::row_at(uint32_t part, uint64_t index) const {
  CHECK(index < part_rows(part));
  if (partition == Partition::interleaved) return first_row + index * parts + part;
  return first_row + rows * part / parts + index;
}

Geometry::Place Geometry::place_of(uint64_t row) const {
  check_secret(contains(row));
  const uint64_t offset = row - first_row;
  if (partition == Partition::interleaved) return {static_cast<uint32_t>(offset % parts), offset / parts};
  // The last part that does not begin behind the row: rows * part / parts <= offset.
  const auto part = static_cast<uint32_t>(((offset + 1) * parts - 1) / rows);
  return {part, offset - rows * part / parts};
}

Status check(const Geometry& geometry) {
  if (geometry.rows == 0 || geometry.rows > kRowsMax) return fail(Errc::malformed, "pir: number of rows");
  if (geometry.parts == 0 || geometry.parts > kPartsMax || geometry.parts > geometry.rows) {
    return fail(Errc::malformed, "pir: number of parts");
  }
  if (geometry.row_bytes < kRowBytesMin || geometry.row_bytes > kRowBytesMax) {
    return fail(Errc::malformed, "pir: size of rows");
  }
  if (geometry.first_row > UINT64_MAX - geometry.rows) return fail(Errc::malformed, "pir: rows beyond any log");
  return {};
}

}  // namespace cwtch::pir
