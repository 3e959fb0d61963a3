#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/range.hpp"
#include "engine/http/routes.hpp"

namespace cwtch {
namespace {

using http::Head;
using http::Method;
using http::ProblemType;
using http::route;
using http::Selection;

Head get(std::string_view path, std::string_view query = {}) {
  return {.method = Method::get, .path = path, .query = query, .host = "a"};
}

TEST(HttpRoutes, EachResourceBecomesItsCommand) {
  EXPECT_TRUE(std::holds_alternative<http::GetServer>(route(get("/v1/server"))->command));
  EXPECT_TRUE(std::holds_alternative<http::GetSegments>(route(get("/v1/segments"))->command));

  const auto segment = route(get("/v1/segments/4096-8191"));
  EXPECT_EQ(std::get<http::GetSegment>(segment->command).first.value, 4096u);
  EXPECT_EQ(std::get<http::GetSegment>(segment->command).last.value, 8191u);
  EXPECT_TRUE(route(get("/v1/segments/7-7")));  // one record
  EXPECT_FALSE(std::get<http::GetSegment>(segment->command).index);
  const auto segment_index = route(get("/v1/segments/4096-8191/index"));
  EXPECT_EQ(std::get<http::GetSegment>(segment_index->command).last.value, 8191u);
  EXPECT_TRUE(std::get<http::GetSegment>(segment_index->command).index);
  for (const char* const path : {"/v1/segments/index", "/v1/segments//index", "/v1/segments/0-1/index/index",
                                 "/v1/segments/0-1/", "/v1/segments/0-1/indices", "/v1/index/", "/v1/index/0"})
    EXPECT_EQ(route(get(path)).error().type, ProblemType::not_found) << path;

  Head post{.method = Method::post, .path = "/v1/records", .authorization = "x"};
  post.content_type = "application/octet-stream";
  post.content_length = 200;
  const auto record = route(post);
  EXPECT_EQ(std::get<http::PostRecord>(record->command).credential, "x");
  EXPECT_EQ(record->body_bytes_max, log::kRecordBytesMax);
}

TEST(HttpRoutes, TheIndexTakesFromAndSealed) {
  EXPECT_FALSE(std::get<http::GetIndex>(route(get("/v1/index"))->command).from);
  EXPECT_EQ(std::get<http::GetIndex>(route(get("/v1/index", "from=64"))->command).from->value, 64u);
  EXPECT_FALSE(std::get<http::GetIndex>(route(get("/v1/index", "from=64"))->command).sealed);
  for (const char* const query : {"sealed", "sealed=1", "from=64&sealed", "sealed&from=64"})
    EXPECT_TRUE(std::get<http::GetIndex>(route(get("/v1/index", query))->command).sealed) << query;
  for (const char* const query : {"from=", "from=+1", "from=01", "from=-1", "from=1x", "from=1&from=1",
                                  "from=99999999999999999999", "sealed=0", "sealed&sealed=1"})
    EXPECT_EQ(route(get("/v1/index", query)).error().type, ProblemType::bad_parameter) << query;
  for (const char* const query : {"to=5", "follow", "from=1&", "&from=1", "From=1", "sealed&", "Sealed", "x"})
    EXPECT_EQ(route(get("/v1/index", query)).error().type, ProblemType::unknown_parameter) << query;
  Head post = get("/v1/index");
  post.method = Method::post;
  EXPECT_EQ(route(post).error().type, ProblemType::method_not_allowed);
}

TEST(HttpRoutes, TheLogTakesFromToAndFollow) {
  const auto log_of = [](std::string_view query) {
    return std::get<http::GetLog>(route(get("/v1/log", query))->command);
  };
  EXPECT_FALSE(log_of("").from);
  EXPECT_FALSE(log_of("").follow);
  EXPECT_EQ(log_of("from=0").from->value, 0u);
  EXPECT_EQ(log_of("to=9&from=9").to->value, 9u);
  EXPECT_EQ(log_of("from=18446744073709551615").from->value, UINT64_MAX);
  EXPECT_TRUE(log_of("follow").follow);
  EXPECT_TRUE(log_of("follow=").follow);
  EXPECT_TRUE(log_of("from=3&follow=1").follow);
}

TEST(HttpRoutes, AnUnknownParameterIsNamed) {
  const auto refused = route(get("/v1/log", "from=1&fo<llow=1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().type, ProblemType::unknown_parameter);
  EXPECT_STREQ(refused.error().subject, "fo?llow");
  EXPECT_EQ(std::string_view(route(get("/v1/server", std::string(100, 'x'))).error().subject).size(), 32u);
}

TEST(HttpRoutes, HeadIsGetWithoutContentAndPostIsNot) {
  Head head = get("/v1/log");
  EXPECT_FALSE(route(head)->head_only);
  head.method = Method::head;
  EXPECT_TRUE(route(head)->head_only);
  head.method = Method::post;
  EXPECT_EQ(route(head).error().allow, "GET, HEAD");
  head.path = "/v1/records";
  head.method = Method::get;
  EXPECT_EQ(route(head).error().allow, "POST");
  head.path = "/v1/recordsx";
  EXPECT_EQ(route(head).error().type, ProblemType::not_found);
}

// ---- ranges ----

const ByteArray<32> kSha256 = [] {
  ByteArray<32> sha256;
  sha256.fill(0xA5);
  return sha256;
}();
const std::string kTag = '"' + to_hex(kSha256) + '"';

struct Conditions {
  std::string_view range, if_range, if_none_match;
};
tl::expected<Selection, http::Problem> resolve(const Conditions& c, uint64_t size = 1000, bool head_only = false) {
  return http::resolve({.range = c.range, .if_range = c.if_range, .if_none_match = c.if_none_match}, head_only, size,
                       kSha256);
}
std::string selected(const Conditions& c, uint64_t size = 1000) {
  const auto selection = resolve(c, size);
  if (!selection) return std::to_string(selection.error().status());
  return std::to_string(selection->status) + " " + std::to_string(selection->offset) + "+" +
         std::to_string(selection->bytes);
}

TEST(HttpRange, SingleRanges) {
  EXPECT_EQ(selected({}), "200 0+1000");
  EXPECT_EQ(selected({.range = "bytes=0-0"}), "206 0+1");
  EXPECT_EQ(selected({.range = "bytes=0-999"}), "206 0+1000");
  EXPECT_EQ(selected({.range = "bytes=0-1000"}), "206 0+1000");
  EXPECT_EQ(selected({.range = "Bytes=999-"}), "206 999+1");
  EXPECT_EQ(selected({.range = "bytes=-1"}), "206 999+1");
  EXPECT_EQ(selected({.range = "bytes=-5000"}), "206 0+1000");
  EXPECT_EQ(selected({.range = "bytes= 5-6 "}), "206 5+2");
  EXPECT_EQ(selected({.range = "bytes=5-99999999999999999999999999"}), "206 5+995");
}

TEST(HttpRange, WhatCannotBeSatisfiedNamesTheSize) {
  for (const char* range :
       {"bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=5-4", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,5-6",
        "bytes=0", "bytes=+1-2", "bytes=1 - 2", "bytes=0x1-2", "bytes=99999999999999999999999999-"}) {
    const auto refused = resolve({.range = range});
    ASSERT_FALSE(refused) << range;
    EXPECT_EQ(refused.error().status(), 416) << range;
    EXPECT_EQ(refused.error().resource_bytes, 1000u);
  }
}

TEST(HttpRange, OtherUnitsAndHeadGetTheWhole) {
  EXPECT_EQ(selected({.range = "records=0-1"}), "200 0+1000");
  EXPECT_EQ(selected({.range = "bytes"}), "200 0+1000");
  EXPECT_EQ(resolve({.range = "bytes=0-1"}, 1000, true)->status, 200);
}

TEST(HttpRange, IfRangeTakesOnlyTheStrongTag) {
  EXPECT_EQ(selected({.range = "bytes=0-1", .if_range = kTag}), "206 0+2");
  EXPECT_EQ(selected({.range = "bytes=0-1", .if_range = "W/" + kTag}), "200 0+1000");
  EXPECT_EQ(selected({.range = "bytes=0-1", .if_range = "\"other\""}), "200 0+1000");
  EXPECT_EQ(selected({.range = "bytes=0-1", .if_range = "Sat, 29 Oct 1994 19:43:31 GMT"}), "200 0+1000");
  EXPECT_EQ(selected({.if_range = kTag}), "200 0+1000");
}

TEST(HttpRange, IfNoneMatchComesFirst) {
  EXPECT_EQ(selected({.if_none_match = kTag}), "304 0+0");
  EXPECT_EQ(selected({.range = "bytes=5000-", .if_none_match = kTag}), "304 0+0");
  EXPECT_EQ(selected({.if_none_match = "*"}), "304 0+0");
  EXPECT_EQ(selected({.if_none_match = "\"x\", W/" + kTag + " ,"}), "304 0+0");
  EXPECT_EQ(selected({.if_none_match = "\"x\",,\"y\""}), "200 0+1000");
  EXPECT_EQ(selected({.range = "bytes=0-1", .if_none_match = "\"x\""}), "206 0+2");
}

}  // namespace
}  // namespace cwtch
