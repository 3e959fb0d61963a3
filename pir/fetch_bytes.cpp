#include "pir/fetch_bytes.hpp"

namespace cwtch::pir {

Result<FetchBytes> fetch_bytes(const Scheme& scheme, const FetchPlan& plan) {
  if (plan.end_row < plan.first_row || plan.rounds == 0)
    return fail(Errc::malformed, "fetch: a plan without rounds, or that ends before it begins");
  FetchBytes bytes;
  uint64_t covered_end = plan.first_row;
  const Grid grid{.unit = scheme.info().rows_min, .rows_max = plan.rows_max};
  for (const Grid::Stretch& stretch : grid.cover(plan.first_row, plan.end_row)) {
    const Geometry geometry{.first_row = stretch.first_row, .rows = stretch.rows, .row_bytes = plan.row_bytes};
    if (const Status status = check(geometry); !status) return fail(status.error());
    if (const Status status = scheme.fits(geometry); !status) return fail(status.error());
    const Cost cost = scheme.cost(geometry, 1);
    bytes.statics += cost.statics_bytes;
    bytes.queries += plan.rounds * cost.request_bytes;
    bytes.answers += plan.rounds * cost.answer_bytes;
    covered_end = geometry.end_row();
  }
  bytes.index = static_cast<double>(plan.end_row - plan.first_row) * plan.index_bytes_per_record;
  bytes.tail = static_cast<double>(plan.end_row - covered_end) * plan.record_bytes;
  return bytes;
}

double full_send_bytes(const FetchPlan& plan) {
  return static_cast<double>(plan.end_row - plan.first_row) * plan.record_bytes;
}

}  // namespace cwtch::pir
