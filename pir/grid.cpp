#include "pir/grid.hpp"

#include <charconv>

#include "engine/core/check.hpp"

namespace cwtch::pir {

std::vector<Grid::Stretch> Grid::cover(uint64_t first_row, uint64_t end_row) const {
  std::vector<Stretch> stretches;
  CHECK(unit > 0 && factor > 1);
  const uint64_t end = end_row / unit * unit;
  if (first_row >= end) return stretches;
  uint64_t at = (first_row / unit + (first_row % unit != 0)) * unit;  // at most `end`
  while (at < end) {
    uint64_t rows = unit;
    while (rows <= rows_max / factor && at % (rows * factor) == 0 && end - at >= rows * factor) rows *= factor;
    stretches.push_back({at, rows});
    at += rows;
  }
  return stretches;
}

std::string name_of(const Geometry& geometry) {
  return std::to_string(geometry.first_row) + "-" + std::to_string(geometry.rows) + "-" +
         std::to_string(geometry.parts) + (geometry.partition == Partition::contiguous ? "c" : "i");
}

Result<Geometry> parse_name(std::string_view name, uint32_t row_bytes) {
  Geometry geometry;
  geometry.row_bytes = row_bytes;
  const char* at = name.data();
  const char* const end = at + name.size();
  const auto number = [&](auto& value, char behind) {
    const auto [stop, error] = std::from_chars(at, end, value);
    if (error != std::errc() || (behind != 0 && (stop == end || *stop != behind))) return false;
    at = stop + (behind != 0 ? 1 : 0);
    return true;
  };
  if (!number(geometry.first_row, '-') || !number(geometry.rows, '-') || !number(geometry.parts, 0) || at + 1 != end) {
    return fail(Errc::malformed, "pir: name of a database");
  }
  geometry.partition = *at == 'i' ? Partition::interleaved : Partition::contiguous;
  if (name_of(geometry) != name) return fail(Errc::malformed, "pir: name of a database");
  if (const Status checked = check(geometry); !checked) return fail(checked.error());
  return geometry;
}

}  // namespace cwtch::pir
