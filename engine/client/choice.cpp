#include "engine/client/choice.hpp"

#include <algorithm>

#include "pir/fetch_bytes.hpp"
#include "pir/registry.hpp"

namespace cwtch::client {

std::vector<Way> ways_to_fetch(const ServerFacts& facts, const OfferList& offers, const SegmentList& segments,
                               const Payer& payer, uint64_t boundary, uint32_t rounds) {
  boundary = std::max(boundary, segments.first_retained);
  const uint64_t end = std::max({facts.committed_end, segments.tail_first, segments.first_retained});
  double full = static_cast<double>(end - segments.tail_first) * pir::FetchPlan().record_bytes;
  for (const SealedSegment& segment : segments.segments)
    full += segment.first < boundary ? 0 : static_cast<double>(segment.bytes);
  std::vector<Way> ways{{"full", full}};

  if (facts.query_admission != payer.policy()) return ways;
  for (const SchemeOffer& offer : offers.offers) {
    const pir::Scheme* const scheme = pir::find_scheme(offer.scheme);
    if (scheme == nullptr || scheme->info().relaxed() || !facts.allows(offer.scheme) || offer.databases.empty() ||
        offer.parameters != scheme->info().parameters || offer.unit != scheme->info().rows_min) {
      continue;
    }
    // Records behind the boundary that are in segments and in no database; two units may be cut off at the ends.
    const uint64_t sealed = segments.tail_first - std::min(segments.tail_first, boundary);
    if (offer.end_row - offer.first_row + 2 * offer.unit < sealed) continue;
    const pir::FetchPlan plan{.first_row = offer.first_row,
                              .end_row = offer.end_row,
                              .rows_max = offer.rows_max,
                              .row_bytes = offers.row_bytes,
                              .rounds = rounds};
    const auto bytes = pir::fetch_bytes(*scheme, plan);
    // What is behind them comes in full, as if each of its records were one row.
    const uint64_t covered = std::min(sealed, offer.end_row - offer.first_row);
    const double rest = static_cast<double>(end - segments.tail_first) + static_cast<double>(sealed - covered);
    if (bytes) ways.push_back({offer.scheme, bytes->total() + rest * plan.record_bytes});
  }
  std::stable_sort(ways.begin(), ways.end(), [](const Way& a, const Way& b) { return a.bytes < b.bytes; });
  return ways;
}

}  // namespace cwtch::client
