// The slots of a reader's cache: verified chunks in huge pages, by stream offset. Bookkeeping only; no I/O.
//
// A chunk is found by any offset inside it, without its segment's table: merging changes files, never offsets, so what
// is cached outlives the file it came from.
//
// Who stays (after W-TinyLFU: Einziger, Friedman and Manes, ACM Transactions on Storage 2017). Half of the slots are a
// **window**, in order of last use: that is where chunks enter, and where a reader who is in the middle of one, or for
// whom one was read ahead, finds it again. The other half, **main**, holds what many readers come for: a chunk that
// drops out of the window gets in only if more readers came to its start lately than to that of main's least recently
// used one; how many came is counted in a small sketch which also remembers chunks that are not cached. So one pass
// over the log, however long, changes nothing in main; and when many walk over a log much larger than the cache, main
// keeps some part of it fast instead of always having just dropped what comes next, as least recently used would.
#pragma once

#include <map>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/list.hpp"

namespace cwtch::log {

// Counts arrivals per chunk in 4 x 8 bits per slot; estimates are never too low (a count-min sketch), and all of them
// are halved now and then, so that old fame fades.
class ArrivalSketch {
 public:
  explicit ArrivalSketch(size_t slots_count);
  void add(uint64_t key);
  uint8_t estimate(uint64_t key) const;

 private:
  static constexpr size_t kRows = 4;
  static constexpr uint8_t kCountMax = 15;
  size_t index(size_t row, uint64_t key) const;

  size_t columns_;  // a power of two
  uint64_t added_ = 0;
  uint64_t halve_after_;
  std::vector<uint8_t> counts_;
};

class ChunkCache {
 public:
  enum class State : uint8_t { empty, loading, ready };
  enum class Why : uint8_t { wanted, read_ahead };
  struct Slot : ListLink {
    State state = State::empty;
    bool in_main = false;
    bool awaited = false;  // read ahead, and nobody has come for it yet
    bool in_use = false;   // a reader came, and none has gone on to what follows
    uint32_t pins = 0;
    uint32_t bytes = 0;
    uint64_t offset = 0;   // of its first byte, in the stream
    uint64_t claimed = 0;  // number of the claim
    uint64_t used_ns = 0;
  };

  // At least kSlotsMin slots. `hold_ns`: how long a chunk is held since a reader was last seen in it.
  ChunkCache(size_t cache_bytes, uint32_t chunk_bytes, uint64_t hold_ns);

  uint32_t size() const { return static_cast<uint32_t>(slots_.size()); }
  uint32_t index_of(const Slot& slot) const { return static_cast<uint32_t>(&slot - slots_.data()); }
  Slot& slot(uint32_t index) { return slots_[index]; }
  // Any thread.
  void populate(const std::atomic<bool>& stop) const { memory_.populate(stop); }
  uint8_t* memory(const Slot& slot) const { return memory_.data() + size_t{index_of(slot)} * chunk_bytes_; }

  // The chunk that holds `offset`, loading or ready; or nullptr.
  Slot* find(uint64_t offset);
  // A slot for the chunk at [offset, offset + bytes), taken from whoever deserves it least, in state loading. nullptr
  // when there is none: all are pinned, loading or held; or for a read-ahead, when enough is read ahead already.
  Slot* claim(uint64_t offset, uint32_t bytes, Why why, uint64_t now_ns);
  void loaded(Slot& slot, uint64_t now_ns);
  // The load failed: back to empty.
  void drop(Slot& slot);
  // A reader came to the start of this chunk, or goes on inside it, or has gone on from the chunk that ends at `end`.
  void arrive(Slot& slot, uint64_t now_ns);
  void touch(Slot& slot, uint64_t now_ns);
  void leave(uint64_t end);

 private:
  static constexpr size_t kSlotsMin = 8;

  static bool evictable(const Slot& slot) { return slot.pins == 0 && slot.state == State::ready; }
  enum class Held : uint8_t { no, awaited, in_use };
  Held held(const Slot& slot, uint64_t now_ns) const;
  Slot* first_evictable(List<Slot>& list, Held held_max, uint64_t now_ns);
  Slot* choose_victim(Why why, uint64_t now_ns);
  bool may_read_ahead();
  void move(Slot& slot, bool to_main);
  void set_awaited(Slot& slot, bool awaited);
  void set_in_use(Slot& slot, bool in_use);

  const uint32_t chunk_bytes_;
  const uint64_t hold_ns_;
  AlignedMemory memory_;
  std::vector<Slot> slots_;
  std::map<uint64_t, Slot*> by_offset_;
  List<Slot> empty_;
  List<Slot> window_;  // least recently used first
  List<Slot> main_;    // likewise
  size_t main_count_ = 0;
  size_t main_max_;
  size_t awaited_count_ = 0;
  size_t in_use_count_ = 0;
  uint64_t claims_ = 0;
  uint64_t look_again_ = 0;
  ArrivalSketch arrivals_;
};

}  // namespace cwtch::log
