#include "engine/client/wanted.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::client {

bool Wanted::add(size_t group, const log::IndexEntry& entry) {
  GroupQueue& queue = groups_[group];
  if (queue.by_row.size() >= kWantedMax || queue.by_row.count(entry.row) != 0) return false;
  // Entries are shorter than nonces, and neither says what it is: both are compared by their first bytes.
  ByteArray<log::kNonceBytes> identity{};
  std::copy_n(entry.bytes.begin(), std::min(entry.bytes.size(), identity.size()), identity.begin());
  size_t& places = queue.places[identity];
  if (places >= kPlacesMax) return false;
  places += 1;
  queue.by_row[entry.row] = {
      entry.position.value, entry.row, entry.rows, Bytes(entry.bytes.begin(), entry.bytes.end()), {}, 0};
  records_ += 1;
  return true;
}

std::vector<uint64_t> Wanted::choose(const pir::Geometry& geometry) {
  std::vector<std::vector<uint64_t>> offers(groups_.size());  // missing rows of this database, in order
  for (size_t group = 0; group < groups_.size(); ++group) {
    const auto& by_row = groups_[group].by_row;
    auto from = by_row.lower_bound(geometry.first_row - std::min<uint64_t>(geometry.first_row, log::kRowsPerRecordMax));
    for (; from != by_row.end() && from->first < geometry.end_row(); ++from) {
      const Record& record = from->second;
      for (uint32_t i = 0; i < record.rows; ++i) {
        if ((record.here >> i & 1) == 0 && geometry.contains(record.row + i)) offers[group].push_back(record.row + i);
      }
    }
  }
  std::vector<bool> taken(geometry.parts);
  std::vector<uint64_t> chosen;
  std::vector<size_t> next(groups_.size());
  bool any = true;
  for (size_t round = 0; any && chosen.size() < geometry.parts; ++round) {
    any = false;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const size_t group = (turn_ + i) % groups_.size();
      // The group's oldest row whose part is still free.
      while (next[group] < offers[group].size()) {
        const uint64_t row = offers[group][next[group]++];
        const uint32_t part = geometry.place_of(row).part;
        if (taken[part]) continue;
        taken[part] = true;
        chosen.push_back(row);
        any = true;
        break;
      }
    }
  }
  if (!groups_.empty()) turn_ = (turn_ + 1) % groups_.size();
  return chosen;
}

std::optional<Wanted::Whole> Wanted::got(uint64_t row, ByteView bytes) {
  for (size_t group = 0; group < groups_.size(); ++group) {
    auto& by_row = groups_[group].by_row;
    auto found = by_row.upper_bound(row);
    if (found == by_row.begin()) continue;
    --found;
    Record& record = found->second;
    if (row >= record.row + record.rows) continue;
    const auto i = static_cast<uint32_t>(row - record.row);
    record.bytes.resize(record.rows * bytes.size());
    std::copy(bytes.begin(), bytes.end(), record.bytes.begin() + static_cast<ptrdiff_t>(i * bytes.size()));
    record.here |= 1u << i;
    if (record.here + 1 != 1u << record.rows) return {};
    Whole whole{group, record.position, std::move(record.entry), std::move(record.bytes)};
    by_row.erase(found);
    records_ -= 1;
    return whole;
  }
  return {};
}

size_t Wanted::keep_within(uint64_t first_row, uint64_t end_row) {
  size_t forgotten = 0;
  for (GroupQueue& queue : groups_) {
    forgotten += std::erase_if(queue.by_row, [&](const auto& entry) {
      return entry.second.row < first_row || entry.second.row + entry.second.rows > end_row;
    });
  }
  records_ -= forgotten;
  return forgotten;
}

}  // namespace cwtch::client
