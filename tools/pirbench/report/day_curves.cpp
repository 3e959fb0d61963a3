#include "tools/pirbench/report/day_curves.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace cwtch::pirbench::report {
namespace {

using Json = nlohmann::ordered_json;

double full_send_at(pir::MobilePlan plan, double records) {
  plan.records_per_day = records;
  return pir::full_send_day(plan);
}

Json plan_json(const pir::MobilePlan& plan) {
  return {{"record_bytes", plan.record_bytes},
          {"rows_per_record", plan.rows_per_record},
          {"index_bytes_per_record", plan.index_bytes_per_record},
          {"row_bytes", plan.row_bytes},
          {"polls_per_day", plan.polls_per_day},
          {"slots", plan.slots},
          {"windows", plan.windows},
          {"vectors", plan.vectors},
          {"catchup_parts", plan.catchup_parts},
          {"catchup_vectors", plan.catchup_vectors}};
}

}  // namespace

std::vector<double> day_rates() {
  std::vector<double> rates;
  const int places = static_cast<int>(std::lround(std::log10(kRecordsTo / kRecordsFrom) * kPlacesPerDecade));
  for (int i = 0; i <= places; ++i) {
    // Whole records: powers of ten are met exactly.
    rates.push_back(std::round(kRecordsFrom * std::pow(10, static_cast<double>(i) / kPlacesPerDecade)));
  }
  return rates;
}

DayCurve day_curve(const pir::Scheme& scheme, const pir::MobilePlan& plan) {
  DayCurve curve{.scheme = scheme.info().name, .is_full_send = true};
  pir::MobilePlan at = plan;
  for (const double records : day_rates()) {
    at.records_per_day = records;
    const auto day = pir::mobile_day(scheme, at);
    if (!day) {
      curve.end = day.error().message();
      break;
    }
    const double full = pir::full_send_day(at);
    curve.bytes.push_back(day->total());
    curve.is_full_send = curve.is_full_send && std::abs(day->total() - full) <= full / 100;
  }
  curve.is_full_send = curve.is_full_send && !curve.bytes.empty();
  curve.crossover = pir::crossover_records_per_day(scheme, plan);
  return curve;
}

nlohmann::ordered_json day_json(std::span<const pir::Scheme* const> schemes, const pir::MobilePlan& plan) {
  Json json = {{"plan", plan_json(plan)}, {"records_per_day", day_rates()}};
  json["full_send"] = Json::array();
  for (const double records : day_rates()) json["full_send"].push_back(full_send_at(plan, records));
  json["curves"] = Json::array();
  for (const pir::Scheme* scheme : schemes) {
    const DayCurve curve = day_curve(*scheme, plan);
    Json one = {{"scheme", curve.scheme},
                {"bytes", curve.bytes},
                {"end", curve.end},
                {"is_full_send", curve.is_full_send},
                {"crossover", nullptr}};
    if (curve.crossover) {
      one["crossover"] = *curve.crossover;
      one["crossover_bytes"] = full_send_at(plan, *curve.crossover);
    }
    json["curves"].push_back(std::move(one));
  }
  return json;
}

}  // namespace cwtch::pirbench::report
