// The databases that an experiment measures: every workload with every scheme in every geometry.
//
// Thread: any; values.
#pragma once

#include "pir/scheme.hpp"
#include "tools/pirbench/experiment.hpp"

namespace cwtch::pirbench {

// Rows, whatever is done with them.
struct Database {
  Workload::Kind kind = Workload::Kind::log;
  uint64_t rows = 0;
  uint32_t row_bytes = 0;
  std::string trace;  // path; "" is generated
  uint64_t seed = 1;

  std::string source() const;  // "generated", or the trace's name without its folder
  std::string text() const;    // "log 10000 x 3072"
  friend bool operator==(const Database&, const Database&) = default;
};

// One database of one scheme, which is measured with all batch sizes.
struct Cell {
  Database database;
  const pir::Scheme* scheme = nullptr;
  pir::Geometry geometry;

  std::string text() const;  // "log 10000 x 3072, ring32 in 8 contiguous parts"
  // Of everything that makes one measurement another one; not of the machine, which a directory of results has one of.
  std::string id(uint64_t batch, uint64_t threads) const;
};

// Smallest databases first, the cells of one side by side. A geometry that no scheme can have is a cell too:
// measuring says why not.
std::vector<Cell> cells_of(const Experiment& experiment);

}  // namespace cwtch::pirbench
