// The bytes of one simulated file: what a reader sees now, and what the medium is sure to hold.
//
// Every 512-byte sector has its last durable bytes and, in order of completion, the versions written since. A power cut
// picks one of them, or garbage, for each sector on its own; sectors without newer versions never change. A size that
// is not durable yet is drawn likewise.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/sim/block.hpp"
#include "engine/sim/dice.hpp"

namespace cwtch::sim {

// How a power cut treats what was not durable; drawn once per image, so that images differ in kind, not in noise only.
struct Fate {
  enum class Kind : uint8_t { all_old, all_new, mixed, front_only } kind;
  double newer;    // mixed: chance that a sector has a newer version
  double garbage;  // mixed: chance that it has neither
  static Fate draw(Dice& dice);
};

class Content {
 public:
  static constexpr uint64_t kInFlight = UINT64_MAX;

  uint64_t size() const { return size_; }
  uint64_t durable_size() const { return durable_size_; }
  // Copies what a reader sees; returns how much lies before the end.
  size_t read(MutableBytes to, uint64_t offset) const;
  // Blocks that a write of this range would have to allocate first.
  uint64_t blocks_missing(uint64_t offset, uint64_t bytes_count) const;
  uint64_t blocks_allocated() const { return blocks_allocated_; }

  // `id` names the write; `order` counts completions over the whole disk, so that a sync knows what it covers.
  // `direct`: past the page cache, which then cannot call it clean either.
  void write_start(uint64_t id, ByteView bytes, uint64_t offset, bool direct);
  void write_end(uint64_t id, ByteView bytes, uint64_t offset, uint64_t order, bool durable);
  // Nothing of it was taken.
  void write_refused(uint64_t id);
  // The medium failed in the middle: each sector is old, new or garbage, for good. `cached`: a reader still sees the
  // new bytes, because the page cache calls them clean.
  void write_broken(uint64_t id, ByteView bytes, uint64_t offset, bool cached, Dice& dice);
  void truncate(uint64_t size, uint64_t order);

  // Everything completed before `order` is durable.
  void sync(uint64_t order);
  // A sync failed. What went through the page cache is old, new or garbage on the medium, for good, and will not be
  // written again; `evicted`: readers see that at once. What was written directly either lies in the drive's cache as
  // before, or is old, new or garbage, and readers see which.
  void sync_broken(uint64_t order, bool evicted, Dice& dice);

  Content power_cut(const Fate& fate, Dice& dice) const;
  Content copy() const;  // with what is pending

  // Damage done by the medium itself.
  void make_unreadable(uint64_t offset) { unreadable_.push_back(offset / kSectorBytes); }
  bool unreadable(uint64_t offset, uint64_t bytes_count) const;
  void change_byte(uint64_t offset, uint8_t flip);

 private:
  struct Version {
    Block content;
    Block base;  // what a reader saw when it was written: if that is still so at the end, `content` is right
    SectorMask mask;
    uint64_t id;
    uint64_t order;
    bool direct;
  };
  struct Slot {
    Block durable;
    Block cache;
    bool allocated = false;
    std::unique_ptr<std::vector<Version>> pending;
  };
  struct Size {
    uint64_t bytes;
    uint64_t id;
    uint64_t order;
  };

  void reserve(uint64_t end);
  void allocate(Slot& slot);
  void drop(Slot& slot, uint64_t id);
  static SectorMask mask_of(uint64_t offset, uint64_t bytes_count, uint64_t block);
  static Block cut(const Slot& slot, const Fate& fate, size_t front_sectors, Dice& dice);
  static void settle(Block& medium, const Block& newer, SectorMask mask, const Fate& fate, size_t front_sectors,
                     Dice& dice);
  static void truncate_tail(Slot& slot, uint64_t from);

  std::vector<Slot> slots_;
  std::vector<Size> sizes_;  // not durable yet, in order
  std::vector<uint64_t> unreadable_;
  uint64_t size_ = 0;
  uint64_t durable_size_ = 0;
  uint64_t blocks_allocated_ = 0;
};

}  // namespace cwtch::sim
