// One reader's pass over all sealed chunks, through the cache that serves clients, with whatever the disk does to it.
#pragma once

#include <string>
#include <vector>

#include "engine/log/reader.hpp"
#include "engine/sim/world.hpp"
#include "tools/simulate/truth.hpp"

namespace cwtch::simulate {

struct PassReport {
  std::string wrong;  // a byte that was served and is not the log's; empty: none
  uint64_t chunks_served = 0;
  uint64_t chunks_failed = 0;
  std::vector<const log::Segment*> failed_in;  // the segment of each
  uint64_t records_served = 0;
};

struct ChunkOnDisk {
  uint64_t first, offset, bytes;  // position, in the stream
  const log::Segment* segment;
};

// From the tables behind the segments' chunks (docs/log_format.md, section 2), asked for until the disk gives them.
std::vector<ChunkOnDisk> sealed_chunks(io::Files& files, const log::Layout& layout);

// `reader` belongs to `io`; its loop is turned here. A chunk whose read fails is counted and skipped.
PassReport read_chunks(io::Io& io, log::Reader& reader, const std::vector<ChunkOnDisk>& chunks, const Truth& truth);

}  // namespace cwtch::simulate
