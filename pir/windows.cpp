#include "pir/windows.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::pir {
namespace {

std::optional<Geometry> geometry_of(uint64_t first_row, uint64_t end_row, uint32_t row_bytes, uint32_t parts,
                                    Partition partition) {
  if (end_row - first_row < parts * kPollPartRowsMin) return std::nullopt;
  return Geometry{.first_row = first_row,
                  .rows = end_row - first_row,
                  .row_bytes = row_bytes,
                  .parts = parts,
                  .partition = partition};
}

}  // namespace

std::optional<Geometry> hot_database(const WindowList& list, uint32_t row_bytes) {
  const size_t count = list.windows.size();
  if (count < kHotWindows) return std::nullopt;
  const Window& newest = list.windows.back();
  return geometry_of(list.begin_of(count - kHotWindows), newest.end_row, row_bytes, kHotParts,
                     newest.hour % 2 == 0 ? Partition::contiguous : Partition::interleaved);
}

uint32_t poll_day(const WindowList& list) {
  CHECK(!list.windows.empty());
  return (list.windows.back().hour + 1) / kHoursPerDay;
}

uint64_t first_row_in_reach(const WindowList& list, bool day_done) {
  if (list.windows.empty()) return 0;
  const uint32_t next_batch = poll_day(list) + (day_done ? 1 : 0);
  size_t first = list.windows.size();
  while (first > 0 && list.windows[first - 1].hour / kHoursPerDay + 1 >= next_batch) --first;
  return list.begin_of(std::min(first, list.windows.size() - std::min(list.windows.size(), kHotWindows - 1)));
}

uint64_t first_row_of_day(const WindowList& list) {
  size_t first = list.windows.size();
  while (first > 0 && list.windows[first - 1].hour / kHoursPerDay == list.windows.back().hour / kHoursPerDay) --first;
  return first == list.windows.size() ? list.first_row : list.begin_of(first);
}

std::optional<Geometry> day_database(const WindowList& list, uint32_t row_bytes) {
  if (list.windows.empty()) return std::nullopt;
  const uint32_t today = poll_day(list);
  // The last run of windows of that day: a clock that went back does not make a second one of it.
  size_t end = list.windows.size();
  while (end > 0 && list.windows[end - 1].hour / kHoursPerDay + 1 != today) --end;
  size_t first = end;
  while (first > 0 && list.windows[first - 1].hour / kHoursPerDay + 1 == today) --first;
  if (first == end) return std::nullopt;
  return geometry_of(list.begin_of(first), list.windows[end - 1].end_row, row_bytes, kDayParts, Partition::interleaved);
}

Status check(const WindowList& list) {
  if (list.windows.size() > kWindowsMax) return fail(Errc::malformed, "windows: too many");
  uint64_t row = list.first_row;
  for (const Window& window : list.windows) {
    if (window.end_row <= row) return fail(Errc::malformed, "windows: they do not follow each other");
    row = window.end_row;
  }
  if (row - list.first_row > kRowsMax) return fail(Errc::malformed, "windows: too many rows");
  return {};
}

}  // namespace cwtch::pir
