// A line for the operator cannot be finer than the hour, and cannot be made of what belongs to a client.
#include <gtest/gtest.h>

#include <regex>

#include "engine/io/io.hpp"
#include "engine/server/safe_log.hpp"

namespace cwtch::safe_log {
namespace {

TEST(SafeLog, LinesHaveTheHourAndNothingFiner) {
  testing::internal::CaptureStderr();
  start(Level::info);
  info("{} records in {}", 7, Public{"a/b.seg"});
  error("{} and {}", Error{Errc::io, 0, "disk: broken", 4096}, "literal");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(
      std::regex_match(out, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\dh info 7 records in a/b.seg\n"
                                       "\\d{4}-\\d\\d-\\d\\dT\\d\\dh error disk: broken \\(io\\) at offset 4096 "
                                       "and literal\n")))
      << out;
}

TEST(SafeLog, LevelsHold) {
  testing::internal::CaptureStderr();
  start(*level_named("error"));
  info("not this");
  warn("nor this");
  error("but this");
  const std::string out = testing::internal::GetCapturedStderr();
  EXPECT_EQ(out.find("not"), std::string::npos);
  EXPECT_NE(out.find("but this"), std::string::npos);
  EXPECT_FALSE(level_named("loud"));
}

// What a client brings along comes as these types; none of them can be said.
TEST(SafeLog, TextsAndAddressesAreNotSafe) {
  EXPECT_FALSE(detail::is_safe<std::string>);
  EXPECT_FALSE(detail::is_safe<std::string_view>);
  EXPECT_FALSE(detail::is_safe<io::Address>);
  EXPECT_FALSE(detail::is_safe<ByteView>);
  EXPECT_FALSE(detail::is_safe<char*>);
  EXPECT_TRUE(detail::is_safe<uint64_t>);
  EXPECT_TRUE(detail::is_safe<Error>);
}

}  // namespace
}  // namespace cwtch::safe_log
