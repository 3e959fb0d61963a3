// What a result line may say, and what is said of one that is broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_lines.hpp"
#include "tools/pirbench/report.hpp"
#include "tools/pirbench/report/result_line.hpp"

namespace cwtch::pirbench {
namespace {

using test::Json;
using ::testing::HasSubstr;

std::string error_of(const Json& line) {
  const auto parsed = report::parse_result_line(line.dump());
  return parsed ? "" : parsed.error();
}

TEST(PirbenchResultLine, FieldsAreTakenAsWritten) {
  Json json = test::result_line({.rows = 4096, .parts = 8, .batch = 16});
  json["machine"]["label"] = "under the desk";
  json["wrong_rows"] = 2;
  const auto line = report::parse_result_line(json.dump());
  ASSERT_TRUE(line) << line.error();
  EXPECT_EQ(line->id, json["id"]);
  EXPECT_EQ(line->machine.label, "under the desk");
  EXPECT_EQ(line->workload.rows, 4096);
  EXPECT_EQ(line->geometry.parts, 8);
  EXPECT_EQ(line->batch, 16);
  EXPECT_EQ(line->scheme.classical_bits, 128.4);
  EXPECT_EQ(line->request.measured, json["bytes"]["request"]["measured"].get<double>());
  EXPECT_EQ(line->batch_answer.samples, json["seconds"]["answer"]["samples"].get<std::vector<double>>());
  EXPECT_EQ(line->client_query.predicted, std::nullopt);
  EXPECT_EQ(line->rows_fetched, 8);
  EXPECT_EQ(line->wrong_rows, 2);
  EXPECT_EQ(line->price_cpu_hour, 0.02);
}

TEST(PirbenchResultLine, WhatWasNotMeasuredMayBeAbsent) {
  Json line = test::unmeasured_line({}, "skipped", "too large");
  EXPECT_EQ(error_of(line), "");
  for (const char* field : {"bytes", "seconds", "rows_fetched", "queries", "wrong_rows", "peak_memory_bytes"}) {
    line.erase(field);
  }
  EXPECT_EQ(error_of(line), "");
}

TEST(PirbenchResultLine, ErrorsNameTheField) {
  const Json good = test::result_line({});
  const auto broken = [&](const char* pointer, const Json& value) {
    Json line = good;
    line[Json::json_pointer(pointer)] = value;
    return error_of(line);
  };
  EXPECT_THAT(broken("/schema", "pirbench-9"), HasSubstr("schema is not pirbench-1"));
  EXPECT_EQ(broken("/status", "perhaps"), "status must be measured, skipped or failed");
  EXPECT_EQ(broken("/batch", 0), "batch must be at least 1");
  EXPECT_EQ(broken("/workload", "log"), "workload must be an object");
  EXPECT_EQ(broken("/workload/rows", "many"), "workload.rows must be a number");
  EXPECT_EQ(broken("/scheme/name", 32), "scheme.name must be a text");
  EXPECT_EQ(broken("/scheme/links_sessions", 1), "scheme.links_sessions must be true or false");
  EXPECT_EQ(broken("/bytes/answer/measured", -1), "bytes.answer.measured must be from 0 to 10^18");
  EXPECT_EQ(broken("/bytes/answer/measured", 1e19), "bytes.answer.measured must be from 0 to 10^18");
  EXPECT_EQ(broken("/bytes/answer/measured", nullptr), "bytes.answer.measured must be a number");
  EXPECT_EQ(broken("/seconds/answer/samples", {0.1, "fast"}), "seconds.answer.samples must be a number");
  EXPECT_EQ(broken("/seconds/answer/samples", Json::array()),
            "seconds.answer.samples must have at least one sample of a measured cell");
  EXPECT_EQ(broken("/link/bytes_per_s", 0), "link.bytes_per_s must be greater than zero");
  EXPECT_EQ(broken("/rows_fetched", 0), "rows_fetched must be at least 1");
}

// A line of every kind of JSON, cut at every byte: an error, never a crash.
TEST(PirbenchResultLine, BrokenTextIsRefused) {
  const std::string whole = test::result_line({}).dump();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(report::parse_result_line(std::string_view(whole).substr(0, size)));
  }
  for (const char* text : {"null", "[]", "7", "\"pirbench-1\"", "{}", "{\"schema\":null}", "\xff\xfe"}) {
    EXPECT_FALSE(report::parse_result_line(text)) << text;
  }
  EXPECT_FALSE(report::parse_result_line(std::string(100'000, '[')));
  EXPECT_FALSE(report::parse_result_line("{\"batch\": 1e999}"));
}

TEST(PirbenchReport, ErrorsNameFileAndLine) {
  Json broken = test::result_line({});
  broken["batch"] = -4;
  const ResultFile file{"here/results.jsonl", test::text_of({test::result_line({}), broken, test::result_line({})})};
  const auto report = make_report(std::span(&file, 1));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error(),
            "here/results.jsonl, line 2: batch must be from 0 to 10^18. Remove the line, or let pirbench "
            "measure that cell again");
}

// pirbench may have been killed while it wrote; it measures that cell again when it is resumed.
TEST(PirbenchReport, TornLastLineIsLeftOutAndSaid) {
  std::string text = test::text_of({test::result_line({}), test::result_line({.batch = 4})});
  text.resize(text.size() - 20);
  const ResultFile file{"somewhere/a/results.jsonl", text};
  const auto report = make_report(std::span(&file, 1));
  ASSERT_TRUE(report) << report.error();
  EXPECT_THAT(*report, HasSubstr("\"a/results.jsonl, line 2: cut off while it was written; left out\""));
  EXPECT_THAT(*report, ::testing::Not(HasSubstr("somewhere"))) << "a report says nothing of where it was made";
}

TEST(PirbenchReport, NothingMeasuredIsAnError) {
  const ResultFile file{"results.jsonl", "\n\n"};
  const auto report = make_report(std::span(&file, 1));
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error(), HasSubstr("Let pirbench run finish a cell first"));
}

}  // namespace
}  // namespace cwtch::pirbench
