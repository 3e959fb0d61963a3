// The slots of a reader's cache: verified chunks in huge pages, by stream offset. Only bookkeeping; no I/O.
//
// Scan-resistant, after 2Q (Johnson and Shasha, VLDB 1994): a chunk enters on probation, first in, first out, and is
// promoted when a second reader comes to its start. One pass over the log, however long, goes through probation only.
// Keyed by stream offset, which merging does not change: a cached chunk outlives the file it came from.
#pragma once

#include <unordered_map>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/list.hpp"
#include "engine/core/result.hpp"

namespace cwtch::log {

class ChunkCache {
 public:
  enum class State : uint8_t { empty, loading, ready, failed };
  struct Slot : ListLink {
    State state = State::empty;
    bool is_protected = false;
    uint32_t pins = 0;
    uint32_t bytes = 0;
    uint64_t offset = 0;        // of its first byte, in the stream
    uint64_t failed_at_ns = 0;  // of a failed one: it is tried again after a while
    Error error{};
    std::string file;  // of a failed one
  };

  ChunkCache(size_t cache_bytes, uint32_t chunk_bytes);

  uint32_t size() const { return static_cast<uint32_t>(slots_.size()); }
  Slot& slot(uint32_t index) { return slots_[index]; }
  uint8_t* memory(uint32_t index) const { return memory_.data() + size_t{index} * chunk_bytes_; }

  // UINT32_MAX: not there.
  uint32_t find(uint64_t offset) const;
  // A slot for `offset`, taken from whoever deserves it least; UINT32_MAX when all are pinned or loading.
  uint32_t claim(uint64_t offset);
  // Another reader came to the start of this chunk.
  void promote(uint32_t index);
  void drop(uint32_t index);  // back to empty. REQUIRES: no pins, not loading

 private:
  uint32_t index_of(const Slot& slot) const { return static_cast<uint32_t>(&slot - slots_.data()); }
  Slot* victim(List<Slot>& list);

  const uint32_t chunk_bytes_;
  AlignedMemory memory_;
  std::vector<Slot> slots_;
  std::unordered_map<uint64_t, uint32_t> by_offset_;
  List<Slot> empty_;
  List<Slot> probation_;  // oldest first
  List<Slot> protected_;  // least recently promoted or used first
  size_t protected_count_ = 0;
};

}  // namespace cwtch::log
