#include "engine/log/chunk_cache.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::log {

constexpr size_t kSlotsMin = 4;

ChunkCache::ChunkCache(size_t cache_bytes, uint32_t chunk_bytes)
    : chunk_bytes_(chunk_bytes),
      memory_(std::max(kSlotsMin, cache_bytes / chunk_bytes) * chunk_bytes),
      slots_(std::max(kSlotsMin, cache_bytes / chunk_bytes)) {
  CHECK(chunk_bytes > 0);
  by_offset_.reserve(slots_.size());
  for (Slot& slot : slots_) empty_.push_back(slot);
}

uint32_t ChunkCache::find(uint64_t offset) const {
  const auto at = by_offset_.find(offset);
  return at == by_offset_.end() ? UINT32_MAX : at->second;
}

ChunkCache::Slot* ChunkCache::victim(List<Slot>& list) {
  if (list.empty()) return nullptr;
  for (Slot* slot = &list.front(); slot != nullptr; slot = list.next(*slot)) {
    if (slot->pins == 0 && slot->state != State::loading) return slot;
  }
  return nullptr;
}

uint32_t ChunkCache::claim(uint64_t offset) {
  CHECK(find(offset) == UINT32_MAX);
  Slot* slot = victim(empty_);
  if (slot == nullptr) slot = victim(probation_);
  if (slot == nullptr) slot = victim(protected_);
  if (slot == nullptr) return UINT32_MAX;
  const uint32_t index = index_of(*slot);
  if (slot->state != State::empty) drop(index);
  slot->unlink();
  slot->state = State::loading;
  slot->offset = offset;
  probation_.push_back(*slot);
  by_offset_.emplace(offset, index);
  return index;
}

void ChunkCache::promote(uint32_t index) {
  Slot& slot = slots_[index];
  if (!slot.is_protected) {
    slot.is_protected = true;
    protected_count_ += 1;
  }
  slot.unlink();
  protected_.push_back(slot);
  if (protected_count_ > slots_.size() * 3 / 4) {
    Slot& demoted = protected_.pop_front();
    demoted.is_protected = false;
    protected_count_ -= 1;
    probation_.push_back(demoted);
  }
}

void ChunkCache::drop(uint32_t index) {
  Slot& slot = slots_[index];
  CHECK(slot.pins == 0);
  by_offset_.erase(slot.offset);
  if (std::exchange(slot.is_protected, false)) protected_count_ -= 1;
  slot.unlink();
  slot.state = State::empty;
  empty_.push_back(slot);
}

}  // namespace cwtch::log
