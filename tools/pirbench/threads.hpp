// The threads on which a server half answers, when an experiment asks for more than one.
//
// Thread: the pir::Parallel may be called from one thread at a time.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pirbench {

// Starts them for every call: their start is part of what is measured, microseconds beside milliseconds.
pir::Parallel on_threads(uint64_t count);

}  // namespace cwtch::pirbench
