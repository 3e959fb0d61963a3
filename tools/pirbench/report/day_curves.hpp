// What a mobile client moves in a day, for every rate of a server's log and every scheme: pir/mobile_day.hpp at many
// places, so that the report says what everybody else says who stands on it.
//
// Thread: any; pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "pir/mobile_day.hpp"

namespace cwtch::pirbench::report {

inline constexpr double kRecordsFrom = 1e2, kRecordsTo = 1e7;  // a day
inline constexpr int kPlacesPerDecade = 20;

struct DayCurve {
  std::string scheme;
  // Bytes at each of day_rates(). It ends early where the scheme's parameters are not safe for so many rows; `end` says
  // so.
  std::vector<double> bytes;
  std::string end;
  std::optional<double> crossover;  // records a day
  bool is_full_send = false;        // within a hundredth at every rate: nothing is saved, whatever it is called
};

std::vector<double> day_rates();
DayCurve day_curve(const pir::Scheme& scheme, const pir::MobilePlan& plan);

// Plan, rates, full send, and a curve for each of `schemes`.
nlohmann::ordered_json day_json(std::span<const pir::Scheme* const> schemes, const pir::MobilePlan& plan);

}  // namespace cwtch::pirbench::report
