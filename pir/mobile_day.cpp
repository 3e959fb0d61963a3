#include "pir/mobile_day.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace cwtch::pir {
namespace {

struct Exchange {
  Geometry geometry;
  uint32_t vectors;
};

// One query with so many parts as the scheme takes: `parts`, or one, which then is asked for each.
Result<Exchange> exchange(const Scheme& scheme, double rows, uint32_t row_bytes, uint32_t parts, uint32_t vectors) {
  Geometry geometry{.rows = static_cast<uint64_t>(std::max(1.0, std::ceil(rows))), .row_bytes = row_bytes};
  geometry.parts = static_cast<uint32_t>(std::min<uint64_t>(parts, geometry.rows));
  if (const Status status = check(geometry); !status) return fail(status.error());
  if (scheme.fits(geometry)) return Exchange{geometry, vectors};
  vectors *= geometry.parts;
  geometry.parts = 1;
  if (const Status status = scheme.fits(geometry); !status) return fail(status.error());
  return Exchange{geometry, vectors};
}

bool returns_whole_databases(const Scheme& scheme) {
  constexpr uint64_t kRows = 1024;
  return scheme.cost({.rows = kRows}, 1).rows_fetched >= static_cast<double>(kRows);
}

// Rows that `vectors` queries bring of `wanted` ones that fell into `parts` parts by chance: a part gives one row to a
// query, so the sum over parts of E[min(vectors, X)], X Poisson; E[min(v, X)] = P(X > 0) + ... + P(X > v - 1).
double rows_brought(double wanted, uint32_t parts, uint32_t vectors) {
  const double mean = wanted / parts;
  double exactly = std::exp(-mean), at_most = 0, brought = 0;  // P(X = i), P(X <= i)
  for (uint32_t i = 0; i < vectors; ++i) {
    at_most += exactly;
    brought += 1 - at_most;
    exactly *= mean / (i + 1);
  }
  return parts * brought;
}

// The same of rows that came one after the other, each into the emptiest of `choices` parts drawn by chance. In the
// limit of many parts the share s_i of those that hold i or more after t rows a part has
//   s_i' = s_(i-1)^choices - s_i^choices,   s_0 = 1
// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996), integrated by steps of the midpoint.
double rows_brought_levelled(double wanted, uint32_t parts, uint32_t vectors, uint32_t choices) {
  constexpr double kFull = 16;  // so many rows a part above what is brought, no part is without
  const double rows = std::min(wanted / parts, vectors + kFull);
  const int steps = 1000 + static_cast<int>(rows * choices);  // longer ones than 2 / choices would not converge
  const double step = rows / steps;
  const auto power = [choices](double x) { return std::pow(x, choices); };
  std::vector<double> share(vectors + 1), middle(vectors + 1);
  share[0] = middle[0] = 1;
  for (int n = 0; n < steps; ++n) {
    for (uint32_t i = vectors; i > 0; --i) middle[i] = share[i] + step / 2 * (power(share[i - 1]) - power(share[i]));
    for (uint32_t i = vectors; i > 0; --i) share[i] += step * (power(middle[i - 1]) - power(middle[i]));
  }
  return parts * std::accumulate(share.begin() + 1, share.end(), 0.0);
}

}  // namespace

double messages_per_day(const MobilePlan& plan, double wanted) {
  if (!(wanted > 0)) return 0;
  // So many windows of a poll hold what came in one period, and what the polls before left of those before it; each of
  // these is left by a poll with the same chance. What that makes of one number of rows in the windows is larger than
  // it as long as it is below the one that lasts.
  const double fresh = wanted / plan.polls_per_day;
  double in_windows = fresh, left = 0, before = 0;
  do {
    before = in_windows;
    const double stays = 1 - rows_brought(before, plan.slots / plan.vectors, plan.vectors) / before;
    left = fresh;
    in_windows = 0;
    for (uint32_t window = 0; window < plan.windows; ++window) {
      in_windows += left;
      left *= stays;
    }
  } while (in_windows > before * (1 + 1e-9));
  const double day = left * plan.polls_per_day;
  // Where one row too many is in a part of the hour, the one of these is left that fewest share a part of the day with.
  return wanted - day + rows_brought_levelled(day, plan.catchup_parts, plan.catchup_vectors, plan.vectors + 1);
}

Result<DayBytes> mobile_day(const Scheme& scheme, const MobilePlan& plan) {
  if (plan.polls_per_day == 0 || plan.vectors == 0 || plan.slots < plan.vectors || plan.catchup_vectors == 0 ||
      !(plan.records_per_day >= 0)) {
    return fail(Errc::malformed, "mobile day: a plan without polls, slots or records");
  }
  const double polls = plan.polls_per_day, rows = plan.records_per_day * plan.rows_per_record;
  const auto poll =
      exchange(scheme, rows / polls * plan.windows, plan.row_bytes, plan.slots / plan.vectors, plan.vectors);
  if (!poll) return fail(poll.error());
  const Cost each = scheme.cost(poll->geometry, 1);
  DayBytes day;
  if (returns_whole_databases(scheme)) {
    day.queries = polls * each.request_bytes;
    day.answers = full_send_day(plan);
    return day;
  }
  day.index = plan.records_per_day * plan.index_bytes_per_record;
  day.statics = polls * each.statics_bytes;
  day.queries = polls * poll->vectors * each.request_bytes;
  day.answers = polls * poll->vectors * each.answer_bytes;

  const auto catchup = exchange(scheme, rows, plan.row_bytes, plan.catchup_parts, plan.catchup_vectors);
  if (!catchup) return fail(catchup.error());
  const Cost once = scheme.cost(catchup->geometry, 1);
  day.catchup_statics = once.statics_bytes;
  day.catchup_queries = catchup->vectors * once.request_bytes;
  day.catchup_answers = catchup->vectors * once.answer_bytes;
  return day;
}

double full_send_day(const MobilePlan& plan) { return plan.records_per_day * plan.record_bytes; }

std::optional<double> crossover_records_per_day(const Scheme& scheme, MobilePlan plan) {
  constexpr double kFrom = 1, kTo = 1e8, kStep = 1.1;
  const auto pays = [&](double records) {
    plan.records_per_day = records;
    const auto day = mobile_day(scheme, plan);
    return day && day->total() < full_send_day(plan);
  };
  double low = 0, high = kFrom;
  while (!pays(high)) {
    low = high;
    high *= kStep;
    if (high > kTo) return std::nullopt;
  }
  while (high - low > 0.5) {
    const double middle = (low + high) / 2;
    (pays(middle) ? high : low) = middle;
  }
  return high;
}

}  // namespace cwtch::pir
