// The threads on which a half of private retrieval works, if it is to have more than one: a pir::Parallel.
//
// Thread: it may be called from one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cwtch::tools {

// Starts them for every call: that takes microseconds beside milliseconds, and is part of what is measured.
std::function<void(size_t tasks, const std::function<void(size_t task)>& task)> on_threads(uint64_t count);

}  // namespace cwtch::tools
