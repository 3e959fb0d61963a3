#include "tools/trace/trace.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <zstd.h>

#include <filesystem>
#include <fstream>

#include "tools/trace/statistics.hpp"

namespace cwtch::trace {
namespace {

class TraceFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "trace_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& bytes) {
    const std::string path = directory_ + "/trace";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  std::string directory_;
};

constexpr char kSmall[] = "seconds\tgroup\tsender\ttext\n5\t1\tann\thi\there\n6\t0\tbob\t\n7\t1\tann\tbye";

void expect_small(const Result<Trace>& trace) {
  ASSERT_TRUE(trace) << trace.error().message();
  ASSERT_EQ(trace->messages.size(), 3u);
  EXPECT_EQ(trace->groups_count, 2u);
  EXPECT_EQ(trace->senders, (std::vector<std::string>{"ann", "bob"}));
  EXPECT_EQ(trace->messages[0].text, "hi\there");  // only the first three tabs divide
  EXPECT_EQ(trace->messages[1].text, "");
  EXPECT_EQ(trace->messages[2].sender, 0u);
}

TEST_F(TraceFile, PlainAndPackedLoadTheSame) {
  expect_small(load(write(kSmall)));
  std::string packed(ZSTD_compressBound(sizeof kSmall), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), kSmall, sizeof kSmall - 1, 3));
  expect_small(load(write(packed)));
  packed.resize(packed.size() - 5);
  EXPECT_FALSE(load(write(packed)));  // cut off
}

TEST_F(TraceFile, BadLinesAreNamed) {
  EXPECT_EQ(load(directory_ + "/none").error().code, Errc::not_found);
  EXPECT_FALSE(load(write("when\twho\n")));
  EXPECT_EQ(load(write("seconds\tgroup\tsender\ttext\n1\t2\tx\tok\nx\t2\ty\tno\n")).error().offset, 3u);
  EXPECT_FALSE(load(write("seconds\tgroup\tsender\ttext\n1\t99999999\tx\tgroup too large\n")));
}

TEST(TraceParts, FirstGroupsRenumbersSenders) {
  const Trace whole = generate(4, 3);
  const Trace part = first_groups(whole, 2);
  EXPECT_EQ(part.groups_count, 2u);
  for (const Message& message : part.messages) ASSERT_LT(message.sender, part.senders.size());
  size_t expected = 0;
  for (const Message& message : whole.messages) expected += message.group < 2 ? 1 : 0;
  EXPECT_EQ(part.messages.size(), expected);
}

// A made-up trace has the shape of the real one: every quantile between the tails within a quarter of it (plus one
// unit, where the values are small integers).
TEST(TraceGenerator, HasTheShapeOfARealTrace) {
  const Statistics made = measure(generate(163, 1));
  const auto expect_near = [](const Quantiles& a, const Quantiles& b, const char* what) {
    for (size_t i = 1; i + 2 < kQuantiles.size(); ++i)
      EXPECT_NEAR(a[i], b[i], b[i] * 0.25 + 1) << what << " at " << kQuantiles[i];
  };
  expect_near(made.messages_per_group, kUbuntuIrc.messages_per_group, "messages per group");
  expect_near(made.senders_per_group, kUbuntuIrc.senders_per_group, "senders per group");
  expect_near(made.messages_per_member, kUbuntuIrc.messages_per_member, "messages per member");
  expect_near(made.text_bytes, kUbuntuIrc.text_bytes, "text bytes");
  expect_near(made.pause_seconds, kUbuntuIrc.pause_seconds, "pause");
  EXPECT_NEAR(made.busiest_tenth_share, kUbuntuIrc.busiest_tenth_share, 0.1);
  EXPECT_NEAR(made.same_sender_again, kUbuntuIrc.same_sender_again, 0.04);
  EXPECT_NEAR(made.groups_per_sender, kUbuntuIrc.groups_per_sender, 0.15);
}

// The checked-in statistics are those of the real trace, where it is at hand.
TEST(TraceStatistics, AreThoseOfTheRealTrace) {
  const char* const named = getenv("CWTCH_TRACE");
  const std::string path = named != nullptr ? named : "../shared/data/irc-ubuntu.tsv.zst";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no trace: set CWTCH_TRACE to its file";
  const Result<Trace> trace = load(path);
  ASSERT_TRUE(trace) << trace.error().message();
  const Statistics real = measure(*trace);
  EXPECT_EQ(real.messages_per_group, kUbuntuIrc.messages_per_group);
  EXPECT_EQ(real.senders_per_group, kUbuntuIrc.senders_per_group);
  EXPECT_EQ(real.messages_per_member, kUbuntuIrc.messages_per_member);
  EXPECT_EQ(real.text_bytes, kUbuntuIrc.text_bytes);
  EXPECT_EQ(real.pause_seconds, kUbuntuIrc.pause_seconds);
  EXPECT_NEAR(real.busiest_tenth_share, kUbuntuIrc.busiest_tenth_share, 0.0001);
  EXPECT_NEAR(real.same_sender_again, kUbuntuIrc.same_sender_again, 0.0001);
  EXPECT_NEAR(real.groups_per_sender, kUbuntuIrc.groups_per_sender, 0.01);
}

TEST(TraceGenerator, SameSeedSameTrace) {
  const Trace a = generate(3, 9);
  const Trace b = generate(3, 9);
  ASSERT_EQ(a.messages.size(), b.messages.size());
  for (size_t i = 0; i < a.messages.size(); ++i) ASSERT_EQ(a.messages[i].text, b.messages[i].text);
  EXPECT_NE(generate(3, 10).messages.size(), 0u);
}

}  // namespace
}  // namespace cwtch::trace
