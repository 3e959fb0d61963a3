// Which segments go, and which become one: decisions from the list of segments alone. Pure.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/log/log.hpp"
#include "engine/log/manifest.hpp"

namespace cwtch::log {

// The first position to keep: whole segments go, oldest first, as far as the limits ask. Never into the tail.
Position retained_from(const Options& options, const ManifestState& manifest, uint64_t now_hour_s);

// Neighbours that should become one file, or none. A segment's level is log_factor(records / hour minimum). Neighbours
// are merged when the result stands at a higher level than each of them, the lowest possible level first: so a record
// is copied at most once per level, and few files stay.
std::vector<std::shared_ptr<const Segment>> merge_candidates(
    const Options& options, const std::vector<std::shared_ptr<const Segment>>& segments,
    const std::function<bool(const Segment&)>& mergeable);

}  // namespace cwtch::log
