// One reader's pass over all sealed chunks, through the cache that serves clients, with whatever the disk does to it.
#pragma once

#include <string>

#include "engine/log/reader.hpp"
#include "engine/sim/world.hpp"
#include "tools/simulate/truth.hpp"

namespace cwtch::simulate {

struct PassReport {
  std::string wrong;  // a byte that was served and is not the log's; empty: none
  uint64_t chunks_served = 0;
  uint64_t chunks_failed = 0;
  uint64_t records_served = 0;
};

// `reader` belongs to `io`; its loop is turned here. A chunk whose read fails is skipped.
PassReport read_all_chunks(io::Io& io, io::Files& files, log::Reader& reader, const Truth& truth);

}  // namespace cwtch::simulate
