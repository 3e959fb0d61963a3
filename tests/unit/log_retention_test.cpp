#include <gtest/gtest.h>

#include "engine/log/retention.hpp"

namespace cwtch::log {
namespace {

std::shared_ptr<const Segment> segment(uint64_t first, uint64_t end) {
  auto s = std::make_shared<Segment>();
  s->first = {first};
  s->end = {end};
  s->file_bytes = (end - first) * 3000;
  return s;
}

ManifestState manifest_of(const std::vector<uint64_t>& ends, uint64_t hour_s) {
  ManifestState state;
  uint64_t first = 0;
  for (const uint64_t end : ends) {
    SegmentEntry entry{};
    entry.first = {first};
    entry.end = {end};
    entry.file_bytes = 1000;
    entry.hour_s = hour_s;
    hour_s += 3600;
    state.segments.push_back(entry);
    first = end;
  }
  return state;
}

TEST(Retention, NothingGoesWithoutLimits) {
  EXPECT_EQ(retained_from({}, manifest_of({10, 20, 30}, 0), 1'000'000'000).value, 0u);
}

TEST(Retention, WholeSegmentsGoOldestFirst) {
  const ManifestState manifest = manifest_of({10, 20, 30}, 0);
  Options options;
  options.retain_bytes_max = 2000;
  EXPECT_EQ(retained_from(options, manifest, 0).value, 10u);
  options.retain_bytes_max = 1999;
  EXPECT_EQ(retained_from(options, manifest, 0).value, 20u);
  options = {};
  options.retain_records_max = 25;
  EXPECT_EQ(retained_from(options, manifest, 0).value, 10u);
  options = {};
  options.retain_days_max = 1;
  EXPECT_EQ(retained_from(options, manifest, 86400 + 3600).value, 20u);  // the second is exactly a day old
  EXPECT_EQ(retained_from(options, manifest, 86399).value, 0u);
}

// Whatever sizes are sealed, few files stay, and no record is copied more than a few times per level.
TEST(Merging, FewFilesStayAndCopiesAreFew) {
  Options options;
  options.seal_records_hour_min = 64;
  options.merge_factor = 8;
  const auto always = [](const Segment&) { return true; };
  for (const int pattern : {1, 2, 3}) {
    std::vector<std::shared_ptr<const Segment>> segments;
    uint64_t end = 0;
    uint64_t copied = 0;
    size_t files_max = 0;
    for (int i = 0; i < 2000; ++i) {
      const uint64_t size = pattern == 1 ? 64 : pattern == 2 ? 4096 : (i % 5 == 0 ? 4096 : 64);
      segments.push_back(segment(end, end + size));
      end += size;
      while (true) {
        const auto parts = merge_candidates(options, segments, always);
        if (parts.empty()) break;
        ASSERT_GE(parts.size(), 2u);
        const auto at = std::find(segments.begin(), segments.end(), parts.front());
        copied += parts.back()->end.value - parts.front()->first.value;
        *at = segment(parts.front()->first.value, parts.back()->end.value);
        segments.erase(at + 1, at + static_cast<ptrdiff_t>(parts.size()));
      }
      files_max = std::max(files_max, segments.size());
    }
    EXPECT_LE(files_max, 80u) << pattern;
    EXPECT_LE(copied, end * 6) << pattern;
  }
}

TEST(Merging, StopsAtDamageAndAtTheLargestSize) {
  Options options;
  options.merge_factor = 2;
  const std::vector<std::shared_ptr<const Segment>> segments = {segment(0, 64), segment(64, 128), segment(128, 192)};
  const auto parts = merge_candidates(options, segments, [&](const Segment& s) { return &s != segments[0].get(); });
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0], segments[1]);
  options.merged_bytes_max = 2 * 64 * 3000 - 1;
  EXPECT_TRUE(merge_candidates(options, segments, [](const Segment&) { return true; }).empty());
}

}  // namespace
}  // namespace cwtch::log
