#include "engine/client/databases.hpp"

#include <algorithm>

#include "pir/registry.hpp"

namespace cwtch::client {

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

Result<std::unique_ptr<pir::Client>> connect(ServerLink& link, const pir::Scheme& scheme, const std::string& host,
                                             const pir::Geometry& geometry, const DatabaseOffer& offer) {
  const auto limit = static_cast<uint64_t>(scheme.cost(geometry, 1).statics_bytes);
  uint64_t room = limit;
  for (const DatabaseOffer::Static& blob : offer.statics) {
    if (blob.bytes == 0 || blob.bytes > room)
      return fail(Errc::corrupt, "server: static blobs that are not the scheme's");
    room -= blob.bytes;
  }
  std::vector<pir::Blob> blobs;
  for (const DatabaseOffer::Static& blob : offer.statics) {
    Result<Bytes> bytes = link.blob(blob.sha256, blob.bytes);
    if (!bytes) return fail(bytes.error());
    blobs.push_back({std::move(*bytes), blob.sha256});
  }
  auto client = scheme.connect({.server = host}, geometry, blobs);
  if (!client) return fail(Errc::corrupt, "server: its static blobs are not what the scheme needs");
  return client;
}

}  // namespace cwtch::client
