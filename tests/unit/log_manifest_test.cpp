#include <gtest/gtest.h>

#include "engine/log/manifest.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::log {
namespace {

SegmentEntry entry(uint64_t first, uint64_t end) {
  return {.first = {first},
          .end = {end},
          .stream_offset = first * 4096,
          .stream_bytes = (end - first) * 4096,
          .file_bytes = (end - first) * 4096 + 8192,
          .chain_before = static_cast<uint32_t>(first * 7),
          .chain_after = static_cast<uint32_t>(end * 7),
          .hour_s = 3600,
          .sha256 = {},
          .index = {first * 2, (end - first) * 2, first * 40, (end - first) * 40, {}}};
}

class ManifestTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world_.files().make_directory("log"));
    ASSERT_TRUE(Manifest::create(world_.files(), "log"));
  }
  Result<Manifest> open() {
    uint64_t bytes = 0;
    return Manifest::open(world_.files(), "log", &bytes);
  }
  void change(size_t block, size_t byte) {
    world_.disk().change_byte("log/manifest", block * kBlockBytes + byte, 0x40);
  }
  sim::World world_{1};
};

TEST_F(ManifestTest, RemembersAndMerges) {
  {
    Result<Manifest> manifest = open();
    ASSERT_TRUE(manifest);
    ASSERT_TRUE(manifest->append({.segment = entry(0, 10), .run = RunName{{0}, {10}}, .first_retained = {}}));
    ASSERT_TRUE(manifest->append({.segment = entry(10, 20), .run = RunName{{10}, {20}}, .first_retained = {}}));
    ASSERT_TRUE(manifest->append({.segment = entry(0, 20), .run = {}, .first_retained = {}}));
    ASSERT_TRUE(manifest->append({.segment = entry(20, 30), .run = {}, .first_retained = {}}));
    EXPECT_FALSE(manifest->append({.segment = entry(25, 40), .run = {}, .first_retained = {}}));  // overlaps
    EXPECT_FALSE(manifest->append({.segment = entry(31, 40), .run = {}, .first_retained = {}}));  // leaves a gap
    SegmentEntry rows = entry(30, 40), index = entry(30, 40);
    rows.index.first_row += 1;
    EXPECT_FALSE(manifest->append({.segment = rows, .run = {}, .first_retained = {}}));
    index.index.offset += 1;
    EXPECT_FALSE(manifest->append({.segment = index, .run = {}, .first_retained = {}}));
  }
  const Result<Manifest> manifest = open();
  ASSERT_TRUE(manifest) << manifest.error().message();
  ASSERT_EQ(manifest->state().segments.size(), 2u);
  EXPECT_EQ(manifest->state().segments[0].end.value, 20u);
  EXPECT_EQ(manifest->state().runs.size(), 2u);
  EXPECT_EQ(manifest->state().end().value, 30u);
  EXPECT_EQ(manifest->state().segments[0].index.bytes, 800u);
  EXPECT_EQ(manifest->state().row_end(), 60u);
}

TEST_F(ManifestTest, TornLastBlockIsIgnoredAndWrittenAgain) {
  {
    Result<Manifest> manifest = open();
    ASSERT_TRUE(manifest->append({.segment = entry(0, 10), .run = {}, .first_retained = {}}));
    ASSERT_TRUE(manifest->append({.segment = entry(10, 20), .run = {}, .first_retained = {}}));
  }
  change(2, 100);
  {
    Result<Manifest> manifest = open();
    ASSERT_TRUE(manifest);
    EXPECT_EQ(manifest->state().end().value, 10u);
    ASSERT_TRUE(manifest->append({.segment = entry(10, 15), .run = {}, .first_retained = {}}));
  }
  EXPECT_EQ(open()->state().end().value, 15u);
}

TEST_F(ManifestTest, DamagedBlockBeforeAGoodOneIsNamed) {
  {
    Result<Manifest> manifest = open();
    for (uint64_t i = 0; i < 5; ++i)
      ASSERT_TRUE(manifest->append({.segment = entry(10 * i, 10 * i + 10), .run = {}, .first_retained = {}}));
  }
  change(3, 4000);
  const Result<Manifest> manifest = open();
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::corrupt);
  EXPECT_EQ(manifest.error().offset, 3 * kBlockBytes);
}

// One block is appended at a time: several that are damaged were not torn by one power cut.
TEST_F(ManifestTest, SeveralDamagedBlocksAreNoTornEnd) {
  {
    Result<Manifest> manifest = open();
    for (uint64_t i = 0; i < 20; ++i)
      ASSERT_TRUE(manifest->append({.segment = entry(10 * i, 10 * i + 10), .run = {}, .first_retained = {}}));
  }
  for (size_t block = 3; block < 21; ++block) change(block, 100);
  const Result<Manifest> manifest = open();
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::corrupt);
  EXPECT_EQ(manifest.error().offset, 3 * kBlockBytes);
}

TEST_F(ManifestTest, AnEmptyFileIsDamage) {
  const auto file = world_.files().open("log/manifest", {.write = true});
  ASSERT_TRUE(file);
  ASSERT_TRUE(world_.files().truncate(*file, 0));
  world_.files().close(*file);
  const Result<Manifest> manifest = open();
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::corrupt);
}

// A run that is built anew has only what retention has left, and still takes the place of the old one.
TEST_F(ManifestTest, ARunBuiltAnewReplacesOneThatReachesBelowTheFirstRetainedPosition) {
  Result<Manifest> manifest = open();
  ASSERT_TRUE(manifest->append({.segment = entry(0, 10), .run = RunName{{0}, {10}}, .first_retained = {}}));
  ASSERT_TRUE(manifest->append({.segment = entry(10, 20), .run = RunName{{0}, {20}}, .first_retained = {}}));
  ASSERT_TRUE(manifest->append({.segment = {}, .run = {}, .first_retained = Position{10}}));
  EXPECT_FALSE(manifest->append({.segment = {}, .run = RunName{{15}, {20}}, .first_retained = {}}));
  ASSERT_TRUE(manifest->append({.segment = {}, .run = RunName{{10}, {20}}, .first_retained = {}}));
  EXPECT_EQ(manifest->state().runs, std::vector<RunName>{(RunName{{10}, {20}})});
}

TEST_F(ManifestTest, CompactionKeepsWhatIsInForce) {
  {
    Result<Manifest> manifest = open();
    for (uint64_t i = 0; i < 200; ++i) {
      ASSERT_TRUE(manifest->append({.segment = entry(i, i + 1), .run = RunName{{i}, {i + 1}}, .first_retained = {}}));
      ASSERT_TRUE(manifest->append({.segment = entry(0, i + 1), .run = RunName{{0}, {i + 1}}, .first_retained = {}}));
      ASSERT_TRUE(manifest->compact_if_worth());
    }
    ASSERT_TRUE(manifest->append({.segment = {}, .run = {}, .first_retained = Position{200}}));
    EXPECT_TRUE(manifest->state().segments.empty());
  }
  const Result<Manifest> manifest = open();
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_LT(world_.disk().contents("log/manifest")->size(), 200 * kBlockBytes);
  EXPECT_EQ(manifest->state().end().value, 200u);  // retention took all of it; the log goes on where it was
  EXPECT_EQ(manifest->state().stream_end(), 200u * 4096);
  EXPECT_EQ(manifest->state().chain(), 1400u);
  EXPECT_EQ(manifest->state().row_end(), 400u);
  EXPECT_EQ(manifest->state().index_end(), 8000u);
}

}  // namespace
}  // namespace cwtch::log
