// What one client of a server moves in a day, by a schedule that is the same for everybody: formulas over what
// Scheme::cost() says of bytes. The client's choice of a scheme and pirbench's report both stand on these, so that they
// agree.
//
// Every poll covers the newest `windows` windows, fetches their statics again whether it has them or not, and sends
// `vectors` queries with one row of each part; the index of the day is read once; once a day a catch-up batch covers
// the day before. A scheme whose databases have one part asks `slots` times instead. A scheme that returns whole
// databases needs neither index nor catch-up: it reads each record once.
//
// The same schedule bounds what reaches a client: messages_per_day().
//
// Thread: any; pure. Nothing here knows a client, only numbers that are public.
#pragma once

#include <optional>

#include "pir/scheme.hpp"
#include "pir/windows.hpp"

namespace cwtch::pir {

struct MobilePlan {
  double records_per_day = 100'000;      // of the whole server
  double record_bytes = 2800;            // a tagged record's, as the log sends it
  double rows_per_record = 1;            // at row_bytes
  double index_bytes_per_record = 16.6;  // entry, kind bit, nibble of rows, a share of the block's header
  uint32_t row_bytes = 3072;
  uint32_t polls_per_day = 24;
  uint32_t slots = 16;                    // rows fetched by one poll, at most
  uint32_t windows = kHotWindows;         // of 24 hours / polls_per_day each, so that every record has as many chances
  uint32_t vectors = hot_vectors(slots);  // queries over the same database, of slots / vectors parts
  uint32_t catchup_parts = kDayParts;
  uint32_t catchup_vectors = day_vectors(slots);
};

struct DayBytes {
  double index = 0;
  double statics = 0, queries = 0, answers = 0;  // of the polls
  double catchup_statics = 0, catchup_queries = 0, catchup_answers = 0;

  double up() const { return queries + catchup_queries; }
  double down() const { return index + statics + answers + catchup_statics + catchup_answers; }
  double total() const { return up() + down(); }
};

// unsupported: the scheme's parameters are not safe for so many rows. malformed: no polls, no slots, rows of a size
// that check() refuses.
Result<DayBytes> mobile_day(const Scheme& scheme, const MobilePlan& plan);

// How many messages a day the schedule brings to a member to whom `wanted` come, at moments that have nothing to do
// with each other, if every poll and every query succeeds. At most all slots; docs/pir/delivery.md derives it.
double messages_per_day(const MobilePlan& plan, double wanted);

// Every record once, to everybody: what all of the above is compared with.
double full_send_day(const MobilePlan& plan);

// From how many records a day on the scheme moves fewer bytes than full_send_day(); nothing if it never does. `plan`'s
// own records_per_day does not matter.
std::optional<double> crossover_records_per_day(const Scheme& scheme, MobilePlan plan);

}  // namespace cwtch::pir
