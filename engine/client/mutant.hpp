// Planted bugs of polls, each of which the comparison of two worlds must catch. They exist only where the sources are
// compiled with CWTCH_MUTANTS, for one test; in the product mutant() is constant false and leaves no code.
#pragma once

#include <cstdint>

namespace cwtch::client {

enum class Mutant : uint8_t {
  none,
  retry_at_once,             // a query that failed is asked again
  skip_when_idle,            // nothing is wanted, so nothing is asked
  slot_more_on_backlog,      // more waits than the slots hold, so there is one more query
  repair_on_demand,          // what was spoilt is asked for again in the same poll
  encrypt_between_queries,   // a query is made when its turn comes, and takes its time
  index_from_last_position,  // the index is read on where it was left, not from a public boundary
};

#if defined(CWTCH_MUTANTS)
inline Mutant planted_mutant = Mutant::none;  // set by a test, from one thread
inline bool mutant(Mutant which) { return planted_mutant == which; }
#else
constexpr bool mutant(Mutant) { return false; }
#endif

}  // namespace cwtch::client
