#include "engine/retrieval/catalog.hpp"

#include <algorithm>

namespace cwtch::retrieval {

pir::Grid grid_of(const pir::Scheme& scheme, uint64_t rows_max) {
  return {.unit = scheme.info().rows_min, .rows_max = rows_max};
}

void Catalog::index() {
  for (const Offer& offer : offers) {
    const auto add = [&](const std::shared_ptr<const Database>& database) {
      by_name[{offer.scheme->info().name, database->name}] = database;
      for (const pir::Blob& blob : database->server->statics()) blobs[blob.sha256] = {database, &blob};
    };
    for (const auto& database : offer.databases) add(database);
    if (offer.hot != nullptr) add(offer.hot);
    if (offer.day != nullptr) add(offer.day);
  }
}

std::shared_ptr<const Database> Catalog::find(std::string_view scheme, std::string_view name,
                                              std::shared_ptr<const Database>* successor) const {
  successor->reset();
  for (const Offer& offer : offers) {
    if (offer.scheme->info().name != scheme) continue;
    const auto found = by_name.find(std::pair(std::string(scheme), std::string(name)));
    if (found != by_name.end()) return found->second;
    // What was offered once is recognised by its name alone: it lay on the grid, or had the parts of polls.
    for (const auto& database : {offer.hot, offer.day}) {
      if (database == nullptr) continue;
      const pir::Geometry& offered = database->server->geometry();
      const auto named = pir::parse_name(name, offered.row_bytes);
      if (named && offered.parts == named->parts && named->first_row <= offered.first_row) *successor = database;
    }
    for (const auto& database : offer.databases) {
      const pir::Geometry& offered = database->server->geometry();
      const auto named = pir::parse_name(name, offered.row_bytes);
      if (named && offered.parts == named->parts && offered.contains(named->first_row)) *successor = database;
    }
    return nullptr;
  }
  return nullptr;
}

const pir::Blob* Catalog::blob(const ByteArray<32>& sha256) const {
  const auto found = blobs.find(sha256);
  return found == blobs.end() ? nullptr : found->second.second;
}

}  // namespace cwtch::retrieval
