// Which databases a server offers over the history of its log: a function of public numbers alone, so that a client can
// compute it and refuse anything else. A server that could choose ranges for one session would know that session again
// by them.
//
// Rows lie on a grid: stretches of `unit * factor^level` rows that begin at multiples of their size. What is sealed is
// covered by the largest that fit, oldest first; up to `unit - 1` of the newest rows are in none, and are read in full.
// Hints of eight neighbours add up to that of the next level.
//
// Thread: any; pure.
#pragma once

#include <string>
#include <vector>

#include "pir/geometry.hpp"

namespace cwtch::pir {

struct Grid {
  uint64_t unit = 1024;  // rows: a block of the public polynomials
  uint64_t factor = 8;
  uint64_t rows_max = 65536;  // of a database; unit times a power of factor

  // From the first whole unit behind `first_row` on. By position, without gaps. Any rows will do, but they become as
  // many stretches as it takes: bound them first if a stranger names them. REQUIRES: unit > 0, factor > 1.
  struct Stretch {
    uint64_t first_row;
    uint64_t rows;
    friend bool operator==(const Stretch&, const Stretch&) = default;
  };
  std::vector<Stretch> cover(uint64_t first_row, uint64_t end_row) const;
};

// A database's name in URLs: "FIRST-ROWS-PARTSp", p the partition: c or i. The geometry but for the size of a row.
std::string name_of(const Geometry& geometry);
// malformed, also for another spelling of the same geometry.
Result<Geometry> parse_name(std::string_view name, uint32_t row_bytes);

}  // namespace cwtch::pir
