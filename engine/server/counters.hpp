// What a shard tells about itself, for metrics: written by the shard once a tick, read by the admin thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace cwtch::server {

struct Counters {
  std::atomic<uint64_t> connections{0}, accepted{0};
  std::atomic<uint64_t> posts_accepted{0}, posts_repeated{0}, posts_refused{0};
  std::atomic<uint64_t> chunk_hits{0}, chunk_misses{0}, chunk_bytes_read{0}, damaged_chunks{0};
  std::atomic<uint64_t> index_mends{0};
  // Of the writer:
  std::atomic<uint64_t> groups{0}, group_bytes{0}, segments_sealed{0}, segments_merged{0}, segments_retired{0};
  std::atomic<uint64_t> index_memory_bytes{0}, index_keys{0}, start_bytes_read{0};
  std::atomic<bool> poisoned{false};
};

}  // namespace cwtch::server
