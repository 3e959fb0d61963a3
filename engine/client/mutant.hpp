// Bugs of polls and fetches that client_mutant_test has planted, each of which the comparison of two worlds must catch.
#pragma once

#include <cstdint>

#include "engine/core/mutant.hpp"

namespace cwtch::client {

enum class Mutant : uint8_t {
  none,
  retry_at_once,             // a query that failed is asked again
  skip_when_idle,            // nothing is wanted, so nothing is asked
  slot_more_on_backlog,      // more waits than the slots hold, so there is one more query
  repair_on_demand,          // what was spoilt is asked for again in the same poll
  encrypt_between_queries,   // a query is made when its turn comes, and takes its time
  match_before_statics,      // what the index says is looked at, and kept, before the last document is asked for
  close_when_idle,           // a query that asks for nothing is closed before its answer is read
  close_behind_work,         // a connection is left open until a member's own work is done
  index_from_last_position,  // the index is read on where it was left, not from a public boundary
};

}  // namespace cwtch::client
