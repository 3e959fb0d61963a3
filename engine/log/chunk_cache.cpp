#include "engine/log/chunk_cache.hpp"

#include <algorithm>
#include <bit>

#include "engine/core/check.hpp"

namespace cwtch::log {

// ---- ArrivalSketch

ArrivalSketch::ArrivalSketch(size_t slots_count)
    : columns_(std::bit_ceil(8 * slots_count)), halve_after_(10 * slots_count), counts_(kRows * columns_) {}

size_t ArrivalSketch::index(size_t row, uint64_t key) const {
  static constexpr uint64_t kSpread[kRows] = {0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                                              0xD6E8FEB86659FD93};
  return row * columns_ + ((key * kSpread[row]) >> 32 & (columns_ - 1));
}

uint8_t ArrivalSketch::estimate(uint64_t key) const {
  uint8_t least = kCountMax;
  for (size_t row = 0; row < kRows; ++row) least = std::min(least, counts_[index(row, key)]);
  return least;
}

void ArrivalSketch::add(uint64_t key) {
  const uint8_t least = estimate(key);
  // Only the smallest counters grow: the others are too high already.
  for (size_t row = 0; row < kRows; ++row) {
    uint8_t& count = counts_[index(row, key)];
    if (count == least && count < kCountMax) ++count;
  }
  if (++added_ < halve_after_) return;
  added_ = 0;
  for (uint8_t& count : counts_) count /= 2;
}

// ---- ChunkCache

ChunkCache::ChunkCache(size_t cache_bytes, uint32_t chunk_bytes, uint64_t hold_ns)
    : chunk_bytes_(chunk_bytes),
      hold_ns_(hold_ns),
      memory_(std::max(kSlotsMin, cache_bytes / chunk_bytes) * chunk_bytes),
      slots_(std::max(kSlotsMin, cache_bytes / chunk_bytes)),
      main_max_(slots_.size() / 2),
      arrivals_(slots_.size()) {
  CHECK(chunk_bytes > 0);
  for (Slot& slot : slots_) empty_.push_back(slot);
}

ChunkCache::Slot* ChunkCache::find(uint64_t offset) {
  auto after = by_offset_.upper_bound(offset);
  if (after == by_offset_.begin()) return nullptr;
  Slot* const slot = (--after)->second;
  return offset - slot->offset < slot->bytes ? slot : nullptr;
}

// What was read ahead is kept for its reader, but not for ever: he may have stopped. The same for what he is in.
ChunkCache::Held ChunkCache::held(const Slot& slot, uint64_t now_ns) const {
  if (slot.in_use && now_ns - slot.used_ns < hold_ns_) return Held::in_use;
  if (slot.awaited && claims_ - slot.claimed <= slots_.size()) return Held::awaited;
  return Held::no;
}

// The least recently used that may go. What must stay goes to the list's other end, so that nobody looks at it again
// and again.
ChunkCache::Slot* ChunkCache::first_evictable(List<Slot>& list, Held held_max, uint64_t now_ns) {
  const Slot* first_kept = nullptr;
  while (!list.empty()) {
    Slot& slot = list.front();
    if (&slot == first_kept) break;
    if (evictable(slot) && held(slot, now_ns) <= held_max) return &slot;
    if (first_kept == nullptr) first_kept = &slot;
    slot.unlink();
    list.push_back(slot);
  }
  return nullptr;
}

// Room for read-ahead is a quarter of what readers do not occupy: the more of them, the less it can help.
bool ChunkCache::may_read_ahead() {
  const auto room = [this] { return awaited_count_ < (slots_.size() - in_use_count_) / 4; };
  if (room()) return true;
  // Some may be there for readers who have stopped. Not looked for each time.
  if (claims_ < look_again_) return false;
  look_again_ = claims_ + slots_.size() / 8;
  for (Slot& slot : slots_) {
    if (slot.awaited && claims_ - slot.claimed > slots_.size()) set_awaited(slot, false);
  }
  return room();
}

// Whoever leaves. May move chunks from the window to main on the way.
ChunkCache::Slot* ChunkCache::choose_victim(Why why, uint64_t now_ns) {
  while (true) {
    Slot* const candidate = first_evictable(window_, Held::no, now_ns);
    if (candidate == nullptr && why == Why::read_ahead) return nullptr;
    if (candidate != nullptr && main_count_ < main_max_) {
      move(*candidate, true);
      continue;
    }
    Slot* const resident = first_evictable(main_, Held::no, now_ns);
    if (candidate == nullptr) return resident != nullptr ? resident : first_evictable(window_, Held::awaited, now_ns);
    if (resident == nullptr) return candidate;
    if (arrivals_.estimate(candidate->offset) <= arrivals_.estimate(resident->offset)) return candidate;
    move(*candidate, true);
    return resident;
  }
}

ChunkCache::Slot* ChunkCache::claim(uint64_t offset, uint32_t bytes, Why why, uint64_t now_ns) {
  CHECK(bytes > 0 && bytes <= chunk_bytes_);
  DCHECK(find(offset) == nullptr);
  if (why == Why::read_ahead && !may_read_ahead()) return nullptr;
  if (empty_.empty()) {
    Slot* const victim = choose_victim(why, now_ns);
    if (victim == nullptr) return nullptr;
    drop(*victim);
  }
  Slot& slot = empty_.pop_front();
  slot.state = State::loading;
  slot.offset = offset;
  slot.bytes = bytes;
  slot.claimed = ++claims_;
  set_awaited(slot, why == Why::read_ahead);
  window_.push_back(slot);
  by_offset_.emplace(offset, &slot);
  return &slot;
}

void ChunkCache::loaded(Slot& slot, uint64_t now_ns) {
  slot.state = State::ready;
  if (slot.awaited) return;
  set_in_use(slot, true);  // whoever wanted it is about to come
  slot.used_ns = now_ns;
}

void ChunkCache::drop(Slot& slot) {
  CHECK(slot.pins == 0 && slot.state != State::empty);
  set_awaited(slot, false);
  set_in_use(slot, false);
  by_offset_.erase(slot.offset);
  main_count_ -= slot.in_main;
  slot.in_main = false;
  slot.unlink();
  slot.state = State::empty;
  empty_.push_front(slot);  // its memory is the warmest
}

void ChunkCache::arrive(Slot& slot, uint64_t now_ns) {
  arrivals_.add(slot.offset);
  touch(slot, now_ns);
}

void ChunkCache::touch(Slot& slot, uint64_t now_ns) {
  set_awaited(slot, false);
  set_in_use(slot, true);
  slot.used_ns = now_ns;
  move(slot, slot.in_main);
}

void ChunkCache::leave(uint64_t end) {
  if (end == 0) return;
  Slot* const slot = find(end - 1);
  if (slot != nullptr && slot->offset + slot->bytes == end) set_in_use(*slot, false);
}

void ChunkCache::move(Slot& slot, bool to_main) {
  slot.unlink();
  main_count_ += to_main;
  main_count_ -= slot.in_main;
  slot.in_main = to_main;
  (to_main ? main_ : window_).push_back(slot);
}

void ChunkCache::set_awaited(Slot& slot, bool awaited) {
  awaited_count_ += awaited;
  awaited_count_ -= slot.awaited;
  slot.awaited = awaited;
}

void ChunkCache::set_in_use(Slot& slot, bool in_use) {
  in_use_count_ += in_use;
  in_use_count_ -= slot.in_use;
  slot.in_use = in_use;
}

}  // namespace cwtch::log
