#include "engine/client/row_collector.hpp"

#include <algorithm>
#include <array>

#include "engine/log/index_block.hpp"
#include "pir/windows.hpp"

namespace cwtch::client {

RowCollector::RowCollector(const std::vector<std::vector<RecordWanted>>& turns) : groups_(turns.size()) {
  for (size_t i = 0; i < turns.size(); ++i) {
    for (const RecordWanted& wanted : turns[i])
      records_ += groups_[i].by_row.try_emplace(wanted.row, Record{wanted, {}}).second;
  }
}

std::vector<uint64_t> RowCollector::choose(const pir::Geometry& geometry, Order order) {
  struct Offer {
    std::vector<uint64_t> rows;  // missing ones of this database, in order
    size_t next = 0;
  };
  std::vector<Offer> offers(groups_.size());
  const uint64_t first = geometry.first_row - std::min<uint64_t>(geometry.first_row, log::kRowsPerRecordMax);
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto& by_row = groups_[i].by_row;
    for (auto at = by_row.lower_bound(first); at != by_row.end() && at->first < geometry.end_row(); ++at) {
      const Record& record = at->second;
      for (uint32_t n = 0; n < record.wanted.rows; ++n) {
        if (((record.here | record.asked) >> n & 1) == 0 && geometry.contains(at->first + n)) {
          offers[i].rows.push_back(at->first + n);
        }
      }
    }
  }
  if (order == Order::crowded) {
    // Interleaved parts are the same rows together wherever the database begins.
    std::array<size_t, pir::kDayParts> crowd{};
    const auto part_of = [](uint64_t row) { return row % pir::kDayParts; };
    for (const Offer& offer : offers) {
      for (const uint64_t row : offer.rows) crowd[part_of(row)] += 1;
    }
    for (Offer& offer : offers) {
      std::stable_sort(offer.rows.begin(), offer.rows.end(),
                       [&](uint64_t a, uint64_t b) { return crowd[part_of(a)] > crowd[part_of(b)]; });
    }
  }
  std::vector<bool> taken(geometry.parts);
  std::vector<uint64_t> chosen;
  while (chosen.size() < geometry.parts) {
    size_t best = groups_.size();
    for (size_t i = 0; i < groups_.size(); ++i) {
      Offer& offer = offers[i];
      // One whose part is taken by now waits for another query.
      while (offer.next < offer.rows.size() && taken[geometry.place_of(offer.rows[offer.next]).part]) ++offer.next;
      if (offer.next == offer.rows.size()) continue;
      if (best == groups_.size() || groups_[i].slots < groups_[best].slots) best = i;
    }
    if (best == groups_.size()) break;
    const uint64_t row = offers[best].rows[offers[best].next++];
    taken[geometry.place_of(row).part] = true;
    groups_[best].slots += 1;
    chosen.push_back(row);
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
