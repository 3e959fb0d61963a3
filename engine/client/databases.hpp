// What a server offers of a scheme, checked before anything is asked of it, and the way into one database: its static
// blobs, whole, and a pir::Client made of them.
#pragma once

#include <optional>
#include <vector>

#include "engine/client/payer.hpp"
#include "engine/client/server_link.hpp"
#include "pir/scheme.hpp"

namespace cwtch::client {

// The scheme of that name, before anything is asked by it. denied: it needs trust, or leaks, and the user has not
// allowed it, or `payer` cannot pay what a query costs there; unsupported: this program does not know it, or the server
// does not offer it.
Result<const pir::Scheme*> choose_scheme(const std::string& name, bool allow_relaxed_trust, const Payer& payer,
                                         const ServerFacts& facts);

// The scheme's part of the list, which has its own parameters. busy: the server is still preparing it.
Result<const SchemeOffer*> find_offer(const OfferList& list, const pir::Scheme& scheme);

// A database as the server names it, and the range of rows that follows from public numbers.
struct OfferedDatabase {
  pir::Geometry geometry;
  DatabaseOffer offer;
};
// Of the history: exactly the public grid's. corrupt: others.
Result<std::vector<OfferedDatabase>> history_databases(const OfferList& list, const SchemeOffer& offer,
                                                       const pir::Scheme& scheme);
// Of polls: nothing if none is offered. corrupt: it is not the one of `geometry`.
Result<std::optional<OfferedDatabase>> poll_database(const pir::Scheme& scheme,
                                                     const std::optional<DatabaseOffer>& offer,
                                                     const std::optional<pir::Geometry>& geometry);

// corrupt: the sizes of its static blobs are not what the scheme needs.
Status check_statics(const pir::Scheme& scheme, const OfferedDatabase& database);

// Fetches every static blob of the database, checks them, and opens them. corrupt: they are not what the scheme needs.
Result<std::unique_ptr<pir::Client>> connect(ServerLink& link, const pir::Scheme& scheme, const std::string& host,
                                             const OfferedDatabase& database);

}  // namespace cwtch::client
