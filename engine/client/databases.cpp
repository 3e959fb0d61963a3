#include "engine/client/databases.hpp"

#include <algorithm>

#include "pir/grid.hpp"
#include "pir/registry.hpp"

namespace cwtch::client {
namespace {

constexpr uint64_t kRowsMaxAllowed = 1 << 20;  // of a database, whatever the server says

}  // namespace

Result<const pir::Scheme*> choose_scheme(const std::string& name, bool allow_relaxed_trust, const Payer& payer,
                                         const ServerFacts& facts) {
  const pir::Scheme* const scheme = pir::find_scheme(name);
  if (scheme == nullptr) return fail(Errc::unsupported, "retrieve: this program knows no such scheme");
  if (scheme->info().relaxed() && !allow_relaxed_trust) {
    return fail(Errc::denied,
                "retrieve: this scheme shows the server more than others do, or needs trust in it; "
                "--allow-relaxed-trust if you accept that");
  }
  if (!facts.allows(name)) return fail(Errc::unsupported, "retrieve: this server does not offer the scheme");
  if (facts.query_admission == "closed") return fail(Errc::denied, "retrieve: this server takes no queries any more");
  if (facts.query_admission != payer.policy())
    return fail(Errc::denied, "retrieve: this program cannot pay what a query costs there; take everything instead");
  return scheme;
}

Result<const SchemeOffer*> find_offer(const OfferList& list, const pir::Scheme& scheme) {
  const auto offer = std::find_if(list.offers.begin(), list.offers.end(),
                                  [&](const SchemeOffer& one) { return one.scheme == scheme.info().name; });
  if (offer == list.offers.end()) {
    return fail(Errc::busy, "retrieve: the server is still preparing this scheme; try again later");
  }
  if (offer->parameters != scheme.info().parameters) {
    return fail(Errc::unsupported, "retrieve: the server has other parameters than this program");
  }
  return &*offer;
}

// Only what anybody would be offered: the grid's own ranges, of the sizes that follow from them.
Result<std::vector<OfferedDatabase>> history_databases(const OfferList& list, const SchemeOffer& offer,
                                                       const pir::Scheme& scheme) {
  const pir::Grid grid{.unit = scheme.info().rows_min, .rows_max = offer.rows_max};
  if (offer.unit != grid.unit || offer.factor != grid.factor || grid.rows_max > kRowsMaxAllowed)
    return fail(Errc::corrupt, "server: its databases are not on the public grid");
  const auto stretches = grid.cover(offer.first_row, offer.end_row);
  // A row between the databases and the tail would never come.
  const bool whole = stretches.empty() ? offer.first_row == offer.end_row
                                       : offer.first_row == stretches.front().first_row &&
                                             offer.end_row == stretches.back().first_row + stretches.back().rows;
  bool same = whole && stretches.size() == offer.databases.size();
  std::vector<OfferedDatabase> databases;
  for (size_t i = 0; same && i < stretches.size(); ++i) {
    const pir::Geometry geometry{
        .first_row = stretches[i].first_row, .rows = stretches[i].rows, .row_bytes = list.row_bytes};
    same = pir::check(geometry) && scheme.fits(geometry) && pir::name_of(geometry) == offer.databases[i].name;
    databases.push_back({geometry, offer.databases[i]});
  }
  if (!same) return fail(Errc::corrupt, "server: its databases are not those of the public grid");
  return databases;
}

Result<std::optional<OfferedDatabase>> poll_database(const pir::Scheme& scheme,
                                                     const std::optional<DatabaseOffer>& offer,
                                                     const std::optional<pir::Geometry>& geometry) {
  if (!offer) return std::nullopt;
  if (!geometry || !pir::check(*geometry) || !scheme.fits(*geometry) || pir::name_of(*geometry) != offer->name)
    return fail(Errc::corrupt, "server: its databases of polls are not those of its windows");
  return OfferedDatabase{*geometry, *offer};
}

Status check_statics(const pir::Scheme& scheme, const OfferedDatabase& database) {
  auto room = static_cast<uint64_t>(scheme.cost(database.geometry, 1).statics_bytes);
  for (const DatabaseOffer::Static& blob : database.offer.statics) {
    if (blob.bytes == 0 || blob.bytes > room)
      return fail(Errc::corrupt, "server: static blobs that are not the scheme's");
    room -= blob.bytes;
  }
  return {};
}

Result<std::unique_ptr<pir::Client>> connect(ServerLink& link, const pir::Scheme& scheme, const std::string& host,
                                             const OfferedDatabase& database) {
  if (const Status checked = check_statics(scheme, database); !checked) return fail(checked.error());
  std::vector<pir::Blob> blobs;
  for (const DatabaseOffer::Static& blob : database.offer.statics) {
    Result<Bytes> bytes = link.blob(blob.sha256, blob.bytes);
    if (!bytes) return fail(bytes.error());
    blobs.push_back({std::move(*bytes), blob.sha256});
  }
  auto client = scheme.connect({.server = host}, database.geometry, blobs);
  if (!client) return fail(Errc::corrupt, "server: its static blobs are not what the scheme needs");
  return client;
}

}  // namespace cwtch::client
