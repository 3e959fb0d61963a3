// Which databases are offered for polls: over the newest windows, and over the day before. A function of public numbers
// alone, like grid.hpp, so that a client can compute it and refuse anything else.
//
// A window is what was sealed in one hour: a stretch of rows that ends where the hour that the index names changes.
// Every record is in two hours' hot databases, in parts that are stretches in one and interleaved in the other, so that
// two records that collide once hardly do so again; and in one day's database, which serves what those did not.
//
// Thread: any; pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "pir/geometry.hpp"

namespace cwtch::pir {

struct Window {
  uint32_t hour = 0;  // since 1970
  uint64_t end_row = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

// Whole windows, oldest first; each begins where the one before it ends.
struct WindowList {
  uint64_t first_row = 0;
  std::vector<Window> windows;

  uint64_t begin_of(size_t window) const { return window == 0 ? first_row : windows[window - 1].end_row; }
  friend bool operator==(const WindowList&, const WindowList&) = default;
};

constexpr uint32_t kHoursPerDay = 24;
constexpr size_t kHotWindows = 2;
constexpr uint32_t kHotParts = 8;
constexpr uint32_t kDayParts = 28;
// A part of fewer rows costs more than sending them: then everybody takes the log itself.
constexpr uint64_t kPollPartRowsMin = 64;
// Queries of one poll with so many slots, 8, 16 or 32: of the hot database, and once a day of the day's. So many of the
// latter let a member with sixteen slots whose busiest day has 200 messages of a chat like the one measured get all of
// them on the day after, when the hours that it kept missing were busy ones too; denser bursts may lose some
// (docs/pir/delivery.md).
constexpr uint32_t hot_vectors(uint32_t slots) { return slots / kHotParts; }
constexpr uint32_t day_vectors(uint32_t slots) { return slots / 4; }
constexpr size_t kWindowsMax = 2 * kHoursPerDay;  // that are listed: they hold the whole day before

// The newest two windows, in eight parts: contiguous if the newest one's hour is even. Nothing: too few rows.
std::optional<Geometry> hot_database(const WindowList& list, uint32_t row_bytes);
// The windows of the day before the hour behind the newest window, in interleaved parts: neighbours are in different
// ones, so that a window that was missed does not fall into a single part. Nothing: too few rows, or none.
std::optional<Geometry> day_database(const WindowList& list, uint32_t row_bytes);

// Where the day of the newest window begins, in rows: what is older is in no batch to come.
uint64_t first_row_of_day(const WindowList& list);

// The day of the polls that are made while the newest whole window is `list`'s; its database is the day's before.
uint32_t poll_day(const WindowList& list);

// What is before this row, no database of polls will hold again. `day_done`: the batch for the day before was made.
uint64_t first_row_in_reach(const WindowList& list, bool day_done);

// malformed: no windows, windows that go backwards, too many rows or windows. For what a server says.
Status check(const WindowList& list);

}  // namespace cwtch::pir
