#include "engine/log/retention.hpp"

#include <algorithm>

namespace cwtch::log {

Position retained_from(const Options& options, const ManifestState& manifest, uint64_t now_hour_s) {
  uint64_t bytes = 0;
  for (const SegmentEntry& segment : manifest.segments) bytes += segment.file_bytes + segment.index.bytes;
  Position keep = manifest.first_retained;
  for (const SegmentEntry& segment : manifest.segments) {
    const bool too_many_bytes = options.retain_bytes_max != 0 && bytes > options.retain_bytes_max;
    const bool too_many_records =
        options.retain_records_max != 0 && manifest.end().value - segment.first.value > options.retain_records_max;
    const bool too_old =
        options.retain_days_max != 0 && segment.hour_s + uint64_t{86400} * options.retain_days_max <= now_hour_s;
    if (!too_many_bytes && !too_many_records && !too_old) break;
    keep = segment.end;
    bytes -= segment.file_bytes + segment.index.bytes;
  }
  return keep;
}

std::vector<std::shared_ptr<const Segment>> merge_candidates(
    const Options& options, const std::vector<std::shared_ptr<const Segment>>& segments,
    const std::function<bool(const Segment&)>& mergeable) {
  const auto level = [&](uint64_t records) {
    uint32_t levels = 0;
    for (uint64_t n = records / std::max(1u, options.seal_records_hour_min); n >= options.merge_factor;
         n /= options.merge_factor)
      ++levels;
    return levels;
  };
  const auto records = [](const Segment& segment) { return segment.end.value - segment.first.value; };
  uint32_t levels_max = 0;
  for (const auto& segment : segments) levels_max = std::max(levels_max, level(records(*segment)));
  for (uint32_t l = 0; l <= levels_max; ++l) {
    size_t first = 0;
    uint64_t bytes = 0;
    uint64_t count = 0;
    for (size_t i = 0; i < segments.size(); ++i) {
      const Segment& segment = *segments[i];
      if (level(records(segment)) > l || !mergeable(segment)) {
        first = i + 1;
        bytes = count = 0;
        continue;
      }
      bytes += segment.file_bytes;
      count += records(segment);
      while (bytes > options.merged_bytes_max && first <= i) {
        bytes -= segments[first]->file_bytes;
        count -= records(*segments[first++]);
      }
      if (i > first && level(count) > l)
        return {segments.begin() + static_cast<ptrdiff_t>(first), segments.begin() + static_cast<ptrdiff_t>(i + 1)};
    }
  }
  return {};
}

}  // namespace cwtch::log
