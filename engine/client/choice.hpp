// Which way to fetch what is new moves the fewest bytes: a function of what the server publishes, of `rounds`, and of
// the public boundary from which a full send would begin, which that request names anyway. Never of groups or of what
// is wanted: whoever stands at the same boundary and asks for as many rounds chooses the same. Thread: any; pure.
#pragma once

#include <vector>

#include "engine/client/payer.hpp"
#include "engine/client/server_documents.hpp"

namespace cwtch::client {

struct Way {
  std::string scheme;  // "full", or a scheme of private retrieval that needs no trust and leaks nothing
  double bytes;        // by pir::fetch_bytes(); a record counts as one row
};

// Cheapest first; never empty. Schemes whose databases are missing, that this program does not know, or for whose
// queries `payer` cannot pay, are left out.
// `boundary`: where a full send would begin.
std::vector<Way> ways_to_fetch(const ServerFacts& facts, const OfferList& offers, const SegmentList& segments,
                               const Payer& payer, uint64_t boundary, uint32_t rounds);

}  // namespace cwtch::client
