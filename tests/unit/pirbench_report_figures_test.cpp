// What the report computes: figures of a cell from its line, curves from pir/mobile_day.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_lines.hpp"
#include "tools/pirbench/report/cell.hpp"
#include "tools/pirbench/report/day_curves.hpp"

namespace cwtch::pirbench::report {
namespace {

ResultLine line_of(const test::Json& json) {
  const auto line = parse_result_line(json.dump());
  EXPECT_TRUE(line) << line.error();
  return line.value_or(ResultLine{});
}

TEST(PirbenchFigures, MedianOfOddAndEven) {
  EXPECT_FALSE(spread({}));
  const std::vector<double> odd = {5, 1, 3}, even = {4, 1, 2, 8};
  EXPECT_EQ(spread(odd)->median, 3);
  EXPECT_EQ(spread(odd)->low, 1);
  EXPECT_EQ(spread(odd)->high, 5);
  EXPECT_EQ(spread(even)->median, 3);
}

TEST(PirbenchFigures, OfAnExampleByHand) {
  test::Json json = test::result_line({.parts = 8, .batch = 4});
  json["rows_fetched"] = 8;
  json["bytes"] = {
      {"request", {{"measured", 1000}}}, {"answer", {{"measured", 3000}}}, {"statics", {{"measured", 16000}}}};
  json["seconds"] = {{"answer", {{"samples", {0.8, 1.6, 1.2}}}}};
  json["link"] = {{"bytes_per_s", 2000}, {"round_trip_s", 0.5}};
  json["prices"] = {{"cpu_hour", 36}, {"gigabyte", 1000}};
  const CellFigures of = figures(line_of(json));
  EXPECT_DOUBLE_EQ(of.bytes_per_row, 500);
  EXPECT_DOUBLE_EQ(of.statics_per_row, 2000);
  EXPECT_DOUBLE_EQ(of.server_seconds_per_query, 0.3);
  EXPECT_DOUBLE_EQ(of.server_seconds_per_row, 0.0375);
  EXPECT_DOUBLE_EQ(of.link_seconds, 0.5 + 2);
  EXPECT_DOUBLE_EQ(of.link_statics_seconds, 0.5 + 8);
  // 37,500 s at a hundredth each, and 500,000,000 bytes at a millionth.
  EXPECT_DOUBLE_EQ(of.price_per_million_rows, 375 + 500);
}

TEST(PirbenchFigures, NoStaticsTakeNoTime) {
  EXPECT_EQ(figures(line_of(test::result_line({.scheme = "full"}))).link_statics_seconds, 0);
}

TEST(PirbenchFigures, LeakageIsTheWorstThatIsDeclared) {
  EXPECT_EQ(leakage_class(line_of(test::result_line({.scheme = "ring32"}))), LeakageClass::none);
  EXPECT_EQ(leakage_class(line_of(test::result_line({.scheme = "cursor"}))), LeakageClass::links);
  EXPECT_EQ(leakage_class(line_of(test::result_line({.scheme = "direct"}))), LeakageClass::relaxed);
  test::Json json = test::result_line({.scheme = "ring32"});
  json["scheme"]["leakage_note"] = "which shard, and when";
  EXPECT_EQ(leakage_class(line_of(json)), LeakageClass::coarse);
  json["scheme"]["links_sessions"] = true;
  EXPECT_EQ(leakage_class(line_of(json)), LeakageClass::links);
  json["scheme"]["reveals_volume"] = true;
  EXPECT_EQ(leakage_class(line_of(json)), LeakageClass::relaxed);
  json["scheme"]["links_sessions"] = json["scheme"]["reveals_volume"] = false;
  json["scheme"]["trust"] = "non-collusion";
  EXPECT_EQ(leakage_class(line_of(json)), LeakageClass::relaxed);
}

TEST(PirbenchDay, RatesMeetPowersOfTen) {
  const auto rates = day_rates();
  EXPECT_EQ(rates.size(), 101u);
  for (int exponent = 2; exponent <= 7; ++exponent) {
    EXPECT_EQ(rates[static_cast<size_t>(exponent - 2) * kPlacesPerDecade], std::pow(10, exponent));
  }
}

TEST(PirbenchDay, CurvesAreMobileDay) {
  pir::MobilePlan plan{.record_bytes = 4000, .polls_per_day = 12};
  for (const pir::Scheme* scheme : pir::schemes()) {
    SCOPED_TRACE(scheme->info().name);
    const DayCurve curve = day_curve(*scheme, plan);
    const auto rates = day_rates();
    for (size_t i = 0; i < rates.size(); ++i) {
      plan.records_per_day = rates[i];
      const auto day = pir::mobile_day(*scheme, plan);
      ASSERT_EQ(day.has_value(), i < curve.bytes.size());
      if (!day) {
        EXPECT_EQ(curve.end, day.error().message());
        break;
      }
      EXPECT_EQ(curve.bytes[i], day->total());
    }
    EXPECT_EQ(curve.crossover, pir::crossover_records_per_day(*scheme, plan));
  }
}

// Below its crossover a scheme moves more than full send, above it less.
TEST(PirbenchDay, CrossoversLieBetweenTheirNeighbours) {
  const pir::MobilePlan plan;
  const auto rates = day_rates();
  for (const char* name : {"ring32", "simplepir", "direct"}) {
    SCOPED_TRACE(name);
    const DayCurve curve = day_curve(*pir::find_scheme(name), plan);
    ASSERT_TRUE(curve.crossover);
    for (size_t i = 0; i < curve.bytes.size(); ++i) {
      EXPECT_EQ(curve.bytes[i] < rates[i] * plan.record_bytes, rates[i] >= *curve.crossover) << rates[i];
    }
  }
}

TEST(PirbenchDay, WhatDownloadsEverythingIsFullSend) {
  for (const pir::Scheme* scheme : pir::schemes()) {
    const std::string name = scheme->info().name;
    const bool everything = name == "full" || name == "segments" || name == "cursor";
    EXPECT_EQ(day_curve(*scheme, {}).is_full_send, everything) << name;
  }
}

TEST(PirbenchDay, JsonHasCurvesAndPlan) {
  const pir::Scheme* const scheme = pir::find_scheme("simplepir");
  const auto json = day_json(std::span(&scheme, 1), {});
  EXPECT_EQ(json["plan"]["polls_per_day"], 24);
  EXPECT_EQ(json["full_send"].size(), json["records_per_day"].size());
  EXPECT_EQ(json["full_send"][0], 280'000.0);
  ASSERT_EQ(json["curves"].size(), 1u);
  EXPECT_EQ(json["curves"][0]["bytes"].get<std::vector<double>>(), day_curve(*scheme, {}).bytes);
  EXPECT_NE(json["curves"][0]["end"], "");
}

}  // namespace
}  // namespace cwtch::pirbench::report
