#include "engine/retrieval/catalog.hpp"

#include <algorithm>

namespace cwtch::retrieval {

pir::Grid grid_of(const pir::Scheme& scheme, uint64_t rows_max) {
  return {.unit = scheme.info().rows_min, .rows_max = rows_max};
}

std::vector<std::shared_ptr<const Database>> Offer::all() const {
  std::vector<std::shared_ptr<const Database>> all{hot, day};
  all.insert(all.end(), databases.begin(), databases.end());
  std::erase(all, nullptr);
  return all;
}

void Catalog::index() {
  for (const Offer& offer : offers) {
    for (const auto& database : offer.all()) {
      by_name[{offer.scheme->info().name, database->name}] = database;
      const auto statics = database->server->shared_statics();
      for (const pir::Blob& blob : *statics) blobs[blob.sha256] = {statics, &blob};
    }
  }
}

Catalog::Found Catalog::find(std::string_view scheme, std::string_view name) const {
  const auto found = by_name.find(std::pair(std::string(scheme), std::string(name)));
  if (found != by_name.end()) return {found->second};
  const auto offer =
      std::find_if(offers.begin(), offers.end(), [&](const Offer& one) { return one.scheme->info().name == scheme; });
  if (offer == offers.end()) return {};
  // What was offered once is recognised by its name alone: it lay on the grid, or it had the parts of polls, which go
  // on to newer windows.
  std::shared_ptr<const Database> successor;
  for (const auto& database : offer->all()) {
    const pir::Geometry& offered = database->server->geometry();
    const auto named = pir::parse_name(name, offered.row_bytes);
    if (!named || named->parts != offered.parts) continue;
    const bool polls = database == offer->hot || database == offer->day;
    if (polls ? named->first_row <= offered.first_row : offered.contains(named->first_row)) successor = database;
  }
  const auto names = [&](const std::optional<pir::Geometry>& geometry) {
    return geometry && pir::name_of(*geometry) == name;
  };
  constexpr uint32_t kAnyRow = 1;  // a name does not have its length
  const bool in_the_making = offer->polls_in_the_making &&
                             (names(pir::hot_database(windows, kAnyRow)) || names(pir::day_database(windows, kAnyRow)));
  return {nullptr, successor != nullptr || in_the_making, successor};
}

std::shared_ptr<const pir::Blob> Catalog::blob(const ByteArray<32>& sha256) const {
  const auto found = blobs.find(sha256);
  return found == blobs.end() ? nullptr : found->second;
}

}  // namespace cwtch::retrieval
