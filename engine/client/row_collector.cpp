#include "engine/client/row_collector.hpp"

#include <algorithm>
#include <array>

#include "engine/log/index_block.hpp"
#include "pir/windows.hpp"

namespace cwtch::client {
namespace {

// Calls `see` with each row of `record` that is neither here nor asked for.
template <class Record, class See>
void for_missing(const Record& record, const See& see) {
  for (uint32_t n = 0; n < record.wanted.rows; ++n) {
    if (((record.here | record.asked) >> n & 1) == 0) see(record.wanted.row + n);
  }
}

}  // namespace

RowCollector::RowCollector(const std::vector<std::vector<RecordWanted>>& turns) : groups_(turns.size()) {
  for (size_t i = 0; i < turns.size(); ++i) {
    for (const RecordWanted& wanted : turns[i])
      records_ += groups_[i].by_row.try_emplace(wanted.row, Record{wanted, {}}).second;
  }
}

std::vector<uint64_t> RowCollector::choose(const pir::Geometry& geometry, std::optional<uint64_t> batch_row) {
  // Missing ones of this database by group, in order.
  std::vector<std::vector<uint64_t>> offers(groups_.size());
  const uint64_t first = geometry.first_row - std::min<uint64_t>(geometry.first_row, log::kRowsPerRecordMax);
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto& by_row = groups_[i].by_row;
    for (auto at = by_row.lower_bound(first); at != by_row.end() && at->first < geometry.end_row(); ++at) {
      for_missing(at->second, [&](uint64_t row) {
        if (geometry.contains(row)) offers[i].push_back(row);
      });
    }
  }
  // How urgent a row is: the most what no batch will bring, then what shares its part of the batch with most others.
  // Interleaved parts are the same rows together wherever the database begins.
  std::array<size_t, pir::kDayParts> crowd{};
  for (const Group& group : groups_) {
    if (!batch_row) break;
    for (auto at = group.by_row.lower_bound(*batch_row); at != group.by_row.end(); ++at)
      for_missing(at->second, [&](uint64_t row) { crowd[row % pir::kDayParts] += 1; });
  }
  const auto urgency = [&](uint64_t row) {
    if (!batch_row) return size_t{0};
    return row < *batch_row ? SIZE_MAX : crowd[row % pir::kDayParts];
  };

  std::vector<uint64_t> chosen;
  while (chosen.size() < geometry.parts) {
    size_t best = groups_.size();
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (!offers[i].empty() && (best == groups_.size() || groups_[i].slots < groups_[best].slots)) best = i;
    }
    if (best == groups_.size()) break;
    const uint64_t row = *std::max_element(offers[best].begin(), offers[best].end(), [&](uint64_t a, uint64_t b) {
      return urgency(a) < urgency(b);  // the first of the most urgent ones
    });
    groups_[best].slots += 1;
    crowd[row % pir::kDayParts] -= batch_row && row >= *batch_row;
    chosen.push_back(row);
    // What else is in its part waits for another query.
    const uint32_t part = geometry.place_of(row).part;
    for (auto& rows : offers)
      std::erase_if(rows, [&](uint64_t other) { return geometry.place_of(other).part == part; });
  }
  for (const uint64_t row : chosen) {
    for (Group& group : groups_) {
      if (Record* const record = find(group, row)) record->asked |= 1u << (row - record->wanted.row);
    }
  }
  return chosen;
}

void RowCollector::again() {
  for (Group& group : groups_) {
    for (auto& [row, record] : group.by_row) record.asked = 0;
  }
}

RowCollector::Record* RowCollector::find(Group& group, uint64_t row) {
  auto found = group.by_row.upper_bound(row);
  if (found == group.by_row.begin()) return nullptr;
  Record& record = (--found)->second;
  return row < record.wanted.row + record.wanted.rows ? &record : nullptr;
}

std::optional<RowCollector::Whole> RowCollector::got(uint64_t row, ByteView bytes) {
  for (Group& group : groups_) {
    Record* const record = find(group, row);
    if (record == nullptr) continue;
    const auto i = static_cast<uint32_t>(row - record->wanted.row);
    record->bytes.resize(record->wanted.rows * bytes.size());
    std::copy(bytes.begin(), bytes.end(), record->bytes.begin() + static_cast<ptrdiff_t>(i * bytes.size()));
    record->here |= 1u << i;
    if (record->here + 1 != 1u << record->wanted.rows) return {};
    Whole whole{record->wanted, std::move(record->bytes)};
    group.by_row.erase(whole.wanted.row);
    records_ -= 1;
    return whole;
  }
  return {};
}

}  // namespace cwtch::client
