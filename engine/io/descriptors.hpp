// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace cwtch::io {

// Raises the limit as far as the system lets us (RLIMIT_NOFILE up to its hard value) and returns it. Any thread.
uint64_t raise_descriptor_limit();

}  // namespace cwtch::io
