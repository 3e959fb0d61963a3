// What one fetch of the history moves, by each scheme: formulas over what Scheme::cost() says of bytes and over public
// sizes. `cwtchc sync --scheme auto` decides by them, and docs/pir/choosing.md prints them as a table.
//
// A fetch reads the statics of every database of the grid, asks each `rounds` times, and takes the records behind the
// last database in full. Full send takes every record.
//
// Thread: any; pure. Nothing here knows a client, only numbers that are public.
#pragma once

#include "pir/grid.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

struct FetchPlan {
  uint64_t first_row = 0, end_row = 0;  // rows that the server holds, the newest ones included
  uint64_t rows_max = Grid().rows_max;  // of a database
  uint32_t row_bytes = 3072;
  uint32_t rounds = 16;
  double record_bytes = 2800;            // a tagged record's of one row, as the log sends it
  double index_bytes_per_record = 16.6;  // entry, kind bit, nibble of rows, a share of the block's header
};

struct FetchBytes {
  double index = 0, statics = 0, queries = 0, answers = 0, tail = 0;
  double total() const { return index + statics + queries + answers + tail; }
};

// unsupported: the scheme's parameters are not safe for databases of that size. malformed: sizes that check() refuses.
Result<FetchBytes> fetch_bytes(const Scheme& scheme, const FetchPlan& plan);

// Everything, once.
double full_send_bytes(const FetchPlan& plan);

}  // namespace cwtch::pir
