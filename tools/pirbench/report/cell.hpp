// What a report says of one result line: figures per row and per query, in the form that the page reads.
//
// Thread: any; pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>

#include "tools/pirbench/report/result_line.hpp"

namespace cwtch::pirbench::report {

// What a scheme declares about what its server learns, as one class; the worst that applies.
//
//   relaxed  somebody must be trusted, or it says how many messages or which
//   links    two sessions of one client can be told to be one client's
//   coarse   nothing of that, but its note admits something
//   none     nothing beyond that somebody asked, when, and over which public range
enum class LeakageClass : uint8_t { none, coarse, links, relaxed };
LeakageClass leakage_class(const ResultLine& line);
const char* name(LeakageClass leakage);

// Of samples: nothing without any.
struct Spread {
  double median, low, high;
};
std::optional<Spread> spread(std::span<const double> samples);

// Of a measured cell.
struct CellFigures {
  double bytes_per_row;             // request and answer
  double statics_per_row;           // divide by the queries that use them
  double server_seconds_per_query;  // CPU; the median batch, divided by its queries
  double server_seconds_per_row;
  double link_seconds;            // one query: a round trip, and its bytes over the link
  double link_statics_seconds;    // what the first query waits for besides
  double price_per_million_rows;  // CPU of the server and traffic; statics are not in it
};
CellFigures figures(const ResultLine& line);

nlohmann::ordered_json cell_json(const ResultLine& line);

}  // namespace cwtch::pirbench::report
