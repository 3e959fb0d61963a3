#include "tools/pirbench/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "pir/registry.hpp"

namespace cwtch::pirbench {
namespace {

std::vector<Database> databases_of(const Workload& workload) {
  const bool log = workload.kind == Workload::Kind::log;
  std::vector<Database> databases;
  for (const uint64_t row_bytes : workload.row_bytes) {
    for (const uint64_t amount : log ? workload.rows : workload.total_bytes) {
      databases.push_back({.kind = workload.kind,
                           .rows = log ? amount : amount / row_bytes,
                           .row_bytes = static_cast<uint32_t>(row_bytes),
                           .trace = workload.trace,
                           .seed = workload.seed});
    }
  }
  return databases;
}

void add_cells(const Database& database, const SchemeChoice& choice, std::vector<Cell>& cells) {
  for (const uint64_t parts : choice.parts) {
    for (const pir::Partition partition : choice.partitions) {
      if (parts == 1 && partition != choice.partitions.front()) continue;  // one part is one part
      cells.push_back({.database = database,
                       .scheme = pir::find_scheme(choice.name),
                       .geometry = {.rows = database.rows,
                                    .row_bytes = database.row_bytes,
                                    .parts = static_cast<uint32_t>(parts),
                                    .partition = parts == 1 ? pir::Partition::contiguous : partition}});
    }
  }
}

}  // namespace

std::string Database::source() const {
  return trace.empty() ? "generated" : std::filesystem::path(trace).filename().string();
}

std::string Database::text() const { return fmt::format("{} {} x {}", name(kind), rows, row_bytes); }

std::string Cell::text() const {
  const std::string parts =
      geometry.parts == 1 ? "" : fmt::format(" in {} {} parts", geometry.parts, pir::name(geometry.partition));
  return fmt::format("{}, {}{}", database.text(), scheme->info().name, parts);
}

std::string Cell::id(uint64_t batch, uint64_t threads) const {
  const pir::Info& info = scheme->info();
  return fmt::format("{}/{}x{}/{}/seed{}/{}/{}/{}{}/threads{}/batch{}", name(database.kind), database.rows,
                     database.row_bytes, database.source(), database.seed, info.name,
                     *info.parameters == 0 ? "none" : info.parameters, geometry.parts,
                     geometry.partition == pir::Partition::contiguous ? 'c' : 'i', threads, batch);
}

std::vector<Cell> cells_of(const Experiment& experiment) {
  std::vector<Cell> all, cells;
  for (const Workload& workload : experiment.workloads) {
    for (const Database& database : databases_of(workload)) {
      for (const SchemeChoice& choice : experiment.schemes) add_cells(database, choice, all);
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Cell& a, const Cell& b) { return a.geometry.bytes() < b.geometry.bytes(); });
  std::set<std::string> seen;
  for (Cell& cell : all) {
    if (seen.insert(cell.id(0, 0)).second) cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace cwtch::pirbench
