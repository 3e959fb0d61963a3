#include "engine/log/retention.hpp"

#include <algorithm>

namespace cwtch::log {

Position retained_from(const Options& options, const ManifestState& manifest, uint64_t now_hour_s) {
  uint64_t bytes = 0;
  for (const SegmentEntry& segment : manifest.segments) bytes += segment.file_bytes;
  Position keep = manifest.first_retained;
  for (const SegmentEntry& segment : manifest.segments) {
    const bool too_many_bytes = options.retain_bytes_max != 0 && bytes > options.retain_bytes_max;
    const bool too_many_records =
        options.retain_records_max != 0 && manifest.end().value - segment.first.value > options.retain_records_max;
    const bool too_old =
        options.retain_days_max != 0 && segment.hour_s + uint64_t{86400} * options.retain_days_max <= now_hour_s;
    if (!too_many_bytes && !too_many_records && !too_old) break;
    keep = segment.end;
    bytes -= segment.file_bytes;
  }
  return keep;
}

std::vector<std::shared_ptr<const Segment>> merge_candidates(
    const Options& options, const std::vector<std::shared_ptr<const Segment>>& segments,
    const std::function<bool(const Segment&)>& mergeable) {
  const auto level = [&](const Segment& segment) {
    uint32_t levels = 0;
    for (uint64_t n = (segment.end.value - segment.first.value) / std::max(1u, options.seal_records_hour_min);
         n >= options.merge_factor; n /= options.merge_factor)
      ++levels;
    return levels;
  };
  const size_t factor = options.merge_factor;
  uint32_t levels_max = 0;
  for (const auto& segment : segments) levels_max = std::max(levels_max, level(*segment));
  for (uint32_t l = 0; l <= levels_max; ++l) {
    for (size_t first = 0; first + factor <= segments.size(); ++first) {
      uint64_t bytes = 0;
      size_t count = 0;
      while (count < factor) {
        const Segment& segment = *segments[first + count];
        bytes += segment.file_bytes;
        if (level(segment) > l || !mergeable(segment) || bytes > options.merged_bytes_max) break;
        ++count;
      }
      if (count == factor)
        return {segments.begin() + static_cast<ptrdiff_t>(first),
                segments.begin() + static_cast<ptrdiff_t>(first + factor)};
    }
  }
  return {};
}

}  // namespace cwtch::log
