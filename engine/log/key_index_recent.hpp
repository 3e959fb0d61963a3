// The newest records' keys, until a run on disk holds them: open addressing, linear probing. Fingerprints are keyed
// hashes already, so their low bits choose the slot and a client cannot make them collide.
#pragma once

#include <vector>

#include "engine/log/key_index.hpp"

namespace cwtch::log {

class RecentKeys {
 public:
  RecentKeys() : slots_(kSlotsMin) {}

  void insert(const Key& key) {
    if (2 * (count_ + 1) > slots_.size()) rebuild(2 * slots_.size(), 0);
    place(key);
  }
  bool contains(uint64_t fingerprint) const {
    for (size_t i = home(fingerprint); slots_[i].used(); i = next(i))
      if (slots_[i].fingerprint == fingerprint) return true;
    return false;
  }
  void find(uint64_t fingerprint, std::vector<Position>& positions) const {
    for (size_t i = home(fingerprint); slots_[i].used(); i = next(i))
      if (slots_[i].fingerprint == fingerprint) positions.push_back({slots_[i].position_plus_one - 1});
  }
  void drop_below(Position position) {
    size_t kept = 0;
    for (const Slot& slot : slots_) kept += slot.position_plus_one > position.value;
    size_t size = kSlotsMin;
    while (size < 4 * kept) size *= 2;
    rebuild(size, position.value);
  }
  size_t count() const { return count_; }
  size_t memory_bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  static constexpr size_t kSlotsMin = 1024;
  struct Slot {
    uint64_t fingerprint = 0;
    uint64_t position_plus_one = 0;  // 0: free
    bool used() const { return position_plus_one != 0; }
  };

  size_t home(uint64_t fingerprint) const { return fingerprint & (slots_.size() - 1); }
  size_t next(size_t index) const { return (index + 1) & (slots_.size() - 1); }
  void place(const Key& key) {
    size_t i = home(key.fingerprint);
    while (slots_[i].used()) i = next(i);
    slots_[i] = {key.fingerprint, key.position + 1};
    ++count_;
  }
  void rebuild(size_t size, uint64_t position_min) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    count_ = 0;
    for (const Slot& slot : old)
      if (slot.position_plus_one > position_min) place({slot.fingerprint, slot.position_plus_one - 1});
  }

  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace cwtch::log
