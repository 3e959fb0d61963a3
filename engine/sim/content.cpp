#include "engine/sim/content.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::sim {
namespace {

// Calls function(block index, offset in `bytes`, offset in the block, how many) for each block of a range.
template <class Function>
void for_each_block(uint64_t offset, uint64_t bytes_count, Function function) {
  for (uint64_t done = 0; done < bytes_count;) {
    const uint64_t at = (offset + done) % kBlockBytes;
    const uint64_t take = std::min<uint64_t>(kBlockBytes - at, bytes_count - done);
    function((offset + done) / kBlockBytes, done, at, take);
    done += take;
  }
}

void overlay(Block& block, const uint8_t* from, uint64_t at, uint64_t bytes_count) {
  std::memcpy(block.edit() + at, from, bytes_count);
}

void fill_garbage(uint8_t* sector, Dice& dice) {
  for (size_t i = 0; i < kSectorBytes; i += sizeof(uint64_t)) {
    const uint64_t word = dice.next();
    std::memcpy(sector + i, &word, sizeof word);
  }
}

}  // namespace

Fate Fate::draw(Dice& dice) {
  const uint64_t kind = dice.below(10);
  if (kind < 2) return {Kind::all_old, 0, 0};
  if (kind < 4) return {Kind::all_new, 1, 0};
  if (kind < 5) return {Kind::front_only, 0, 0};
  const double newer = 0.1 + 0.2 * static_cast<double>(dice.below(5));
  return {Kind::mixed, newer, dice.below(2) == 0 ? 0.0 : 0.05 + 0.1 * static_cast<double>(dice.below(3))};
}

SectorMask Content::mask_of(uint64_t offset, uint64_t bytes_count, uint64_t block) {
  const uint64_t begin = block * kBlockBytes, end = begin + kBlockBytes;
  const uint64_t from = std::max(offset, begin) - begin, to = std::min(offset + bytes_count, end) - begin;
  const unsigned first = static_cast<unsigned>(from / kSectorBytes);
  const unsigned last = static_cast<unsigned>((to - 1) / kSectorBytes);
  return static_cast<SectorMask>((0xFFu << first) & (0xFFu >> (7 - last)));
}

size_t Content::read(MutableBytes to, uint64_t offset) const {
  if (offset >= size_) return 0;
  const size_t size = std::min<uint64_t>(to.size(), size_ - offset);
  for_each_block(offset, size, [&](uint64_t block, uint64_t done, uint64_t at, uint64_t take) {
    if (block < slots_.size()) {
      std::memcpy(to.data() + done, slots_[block].cache.bytes() + at, take);
    } else {
      std::memset(to.data() + done, 0, take);
    }
  });
  return size;
}

uint64_t Content::blocks_missing(uint64_t offset, uint64_t bytes_count) const {
  uint64_t missing = 0;
  for_each_block(offset, bytes_count, [&](uint64_t block, uint64_t, uint64_t, uint64_t) {
    if (block >= slots_.size() || !slots_[block].allocated) ++missing;
  });
  return missing;
}

void Content::reserve(uint64_t end) {
  const uint64_t blocks = (end + kBlockBytes - 1) / kBlockBytes;
  if (slots_.size() < blocks) slots_.resize(blocks);
}

void Content::allocate(Slot& slot) {
  if (!slot.allocated) ++blocks_allocated_;
  slot.allocated = true;
}

void Content::drop(Slot& slot, uint64_t id) {
  if (slot.pending == nullptr) return;
  std::erase_if(*slot.pending, [&](const Version& version) { return version.id == id; });
  if (slot.pending->empty()) slot.pending.reset();
}

void Content::write_start(uint64_t id, ByteView bytes, uint64_t offset, bool direct) {
  reserve(offset + bytes.size());
  for_each_block(offset, bytes.size(), [&](uint64_t block, uint64_t done, uint64_t at, uint64_t take) {
    Slot& slot = slots_[block];
    Version version{slot.cache, slot.cache, mask_of(offset, bytes.size(), block), id, kInFlight, direct};
    overlay(version.content, bytes.data() + done, at, take);
    version.content.shrink();
    if (slot.pending == nullptr) slot.pending = std::make_unique<std::vector<Version>>();
    slot.pending->push_back(std::move(version));
  });
  if (offset + bytes.size() > size_) sizes_.push_back({offset + bytes.size(), id, kInFlight});
}

void Content::write_refused(uint64_t id) {
  for (Slot& slot : slots_) drop(slot, id);
  std::erase_if(sizes_, [&](const Size& size) { return size.id == id; });
}

void Content::write_end(uint64_t id, ByteView bytes, uint64_t offset, uint64_t order, bool durable) {
  const uint64_t end = offset + bytes.size();
  std::erase_if(sizes_, [&](const Size& size) { return size.id == id; });
  std::erase_if(unreadable_, [&](uint64_t sector) {  // a drive maps a bad sector away when it is written whole
    return sector * kSectorBytes >= offset && (sector + 1) * kSectorBytes <= end;
  });
  for (uint64_t block = offset / kBlockBytes; block < slots_.size(); ++block) {
    Slot& slot = slots_[block];
    if (slot.pending == nullptr) {
      if (block * kBlockBytes >= end) break;
      continue;
    }
    const auto version = std::find_if(slot.pending->begin(), slot.pending->end(),
                                      [&](const Version& candidate) { return candidate.id == id; });
    if (version == slot.pending->end()) {
      if (block * kBlockBytes >= end) break;
      continue;
    }
    Version written = std::move(*version);
    slot.pending->erase(version);
    if (block * kBlockBytes >= end) {  // a short write never came here
      if (slot.pending->empty()) slot.pending.reset();
      continue;
    }
    const uint64_t from = std::max(offset, block * kBlockBytes);
    const uint64_t take = std::min(end, (block + 1) * kBlockBytes) - from;
    const SectorMask mask = mask_of(offset, bytes.size(), block);
    if (!(written.base == slot.cache) || written.mask != mask) {
      written.content = slot.cache;
      overlay(written.content, bytes.data() + (from - offset), from % kBlockBytes, take);
      written.content.shrink();
      written.mask = mask;
    }
    allocate(slot);
    slot.cache = written.content;
    if (durable) {
      slot.durable.take(slot.cache, mask);
      // Whatever was to be written there before is overtaken; what is still in flight may yet come after.
      for (Version& older : *slot.pending) {
        if (older.order != kInFlight) older.mask = static_cast<SectorMask>(older.mask & ~mask);
      }
      std::erase_if(*slot.pending, [](const Version& older) { return older.mask == 0; });
    } else {
      written.order = order;
      written.base = Block();
      slot.pending->push_back(std::move(written));
    }
    if (slot.pending->empty()) slot.pending.reset();
  }
  if (end > size_) {
    size_ = end;
    sizes_.push_back({end, id, order});
  }
  if (durable) {
    std::erase_if(sizes_, [&](const Size& size) { return size.order != kInFlight && size.bytes < end; });
    if (durable_size_ < end) {
      durable_size_ = end;
      std::erase_if(sizes_, [&](const Size& size) { return size.order != kInFlight && size.bytes == end; });
    }
  }
}

void Content::settle(Block& medium, const Block& newer, SectorMask mask, const Fate& fate, size_t front_sectors,
                     Dice& dice) {
  SectorMask taken = 0;
  switch (fate.kind) {
    case Fate::Kind::all_old:
      return;
    case Fate::Kind::all_new:
      medium.take(newer, mask);
      return;
    case Fate::Kind::front_only:
      medium.take(newer, static_cast<SectorMask>(mask & ((1u << std::min<size_t>(front_sectors, 8)) - 1)));
      return;
    case Fate::Kind::mixed:
      break;
  }
  for (size_t s = 0; s < kSectorsPerBlock; ++s) {
    if ((mask >> s & 1) == 0) continue;
    if (dice.chance(fate.garbage)) {
      uint8_t* const sector = medium.edit() + s * kSectorBytes;
      switch (dice.below(4)) {
        case 0:  // torn inside the sector
          std::memcpy(sector, newer.sector(s), dice.below(kSectorBytes));
          break;
        case 1:
          std::memset(sector, 0, kSectorBytes);
          break;
        default:
          fill_garbage(sector, dice);
      }
    } else if (dice.chance(fate.newer)) {
      taken = static_cast<SectorMask>(taken | (1u << s));
    }
  }
  if (taken != 0) medium.take(newer, taken);
}

void Content::write_broken(uint64_t id, ByteView bytes, uint64_t offset, bool cached, Dice& dice) {
  const Fate fate = Fate::draw(dice);
  const size_t front = dice.below(bytes.size() / kSectorBytes + 1) + offset / kSectorBytes;
  for_each_block(offset, bytes.size(), [&](uint64_t block, uint64_t done, uint64_t at, uint64_t take) {
    Slot& slot = slots_[block];
    drop(slot, id);
    Block newer = slot.cache;
    overlay(newer, bytes.data() + done, at, take);
    const uint64_t first = block * kSectorsPerBlock;
    const SectorMask mask = mask_of(offset, bytes.size(), block);
    allocate(slot);
    settle(slot.durable, newer, mask, fate, front > first ? front - first : 0, dice);
    if (cached) {
      slot.cache = newer;
    } else {
      slot.cache.take(slot.durable, mask);
    }
  });
  std::erase_if(sizes_, [&](const Size& size) { return size.id == id; });
  const uint64_t end = offset + bytes.size();
  if (end > size_) {
    const bool grown = dice.below(2) == 0;
    if (grown) durable_size_ = std::max(durable_size_, end);
    if (grown || cached) size_ = end;
  }
}

void Content::truncate(uint64_t size, uint64_t order) {
  if (size < size_) {
    for (uint64_t block = size / kBlockBytes; block < slots_.size(); ++block) {
      Slot& slot = slots_[block];
      const uint64_t begin = block * kBlockBytes;
      const uint64_t keep = size > begin ? size - begin : 0;
      Version version{
          keep == 0 ? Block() : slot.cache, Block(), mask_of(begin + keep, kBlockBytes - keep, block), 0, order, false};
      if (keep != 0) std::memset(version.content.edit() + keep, 0, kBlockBytes - keep);
      slot.cache = version.content;
      if (keep == 0 && slot.allocated) {
        slot.allocated = false;
        --blocks_allocated_;
      }
      if (slot.pending == nullptr) slot.pending = std::make_unique<std::vector<Version>>();
      slot.pending->push_back(std::move(version));
    }
  }
  if (size == size_) return;
  size_ = size;
  sizes_.push_back({size, 0, order});
}

void Content::sync(uint64_t order) {
  for (Slot& slot : slots_) {
    if (slot.pending == nullptr) continue;
    for (const Version& version : *slot.pending) {
      if (version.order < order) slot.durable.take(version.content, version.mask);
    }
    std::erase_if(*slot.pending, [&](const Version& version) { return version.order < order; });
    if (slot.pending->empty()) slot.pending.reset();
  }
  for (const Size& size : sizes_) {
    if (size.order < order) durable_size_ = size.bytes;
  }
  std::erase_if(sizes_, [&](const Size& size) { return size.order < order; });
}

void Content::sync_broken(uint64_t order, bool evicted, Dice& dice) {
  const Fate fate = Fate::draw(dice);
  const size_t front = dice.below(slots_.size() * kSectorsPerBlock + 1);
  const bool drive_keeps = dice.below(2) == 0;
  const auto settled = [&](const Version& version) {
    return version.order < order && !(version.direct && drive_keeps);
  };
  for (size_t block = 0; block < slots_.size(); ++block) {
    Slot& slot = slots_[block];
    if (slot.pending == nullptr) continue;
    SectorMask seen = 0;  // sectors that readers see as they are on the medium
    for (const Version& version : *slot.pending) {
      if (!settled(version)) {
        if (version.order != kInFlight) seen = static_cast<SectorMask>(seen & ~version.mask);
        continue;
      }
      const size_t first = block * kSectorsPerBlock;
      settle(slot.durable, version.content, version.mask, fate, front > first ? front - first : 0, dice);
      if (evicted || version.direct) seen = static_cast<SectorMask>(seen | version.mask);
    }
    std::erase_if(*slot.pending, settled);
    if (seen != 0) slot.cache.take(slot.durable, seen);
    if (slot.pending->empty()) slot.pending.reset();
  }
  for (const Size& size : sizes_) {
    if (size.order < order && dice.below(2) == 0) durable_size_ = size.bytes;
  }
  std::erase_if(sizes_, [&](const Size& size) { return size.order < order; });
  // A size that readers see without its being durable stays drawn at each later cut.
  if (durable_size_ != size_ && sizes_.empty()) sizes_.push_back({size_, 0, order});
}

Block Content::cut(const Slot& slot, const Fate& fate, size_t front_sectors, Dice& dice) {
  Block medium = slot.durable;
  const auto& pending = *slot.pending;
  // Versions reach the medium in order, if at all; a sector may be left at any of them.
  const size_t last =
      fate.kind == Fate::Kind::all_new || dice.below(4) != 0 ? pending.size() : 1 + dice.below(pending.size());
  for (size_t i = 0; i < last; ++i) settle(medium, pending[i].content, pending[i].mask, fate, front_sectors, dice);
  return medium;
}

Content Content::power_cut(const Fate& fate, Dice& dice) const {
  Content image;
  uint64_t size = durable_size_;
  if (!sizes_.empty() && fate.kind != Fate::Kind::all_old) {
    const Size& one = sizes_[fate.kind == Fate::Kind::all_new ? sizes_.size() - 1 : dice.below(sizes_.size())];
    const uint64_t low = std::min(size, one.bytes), high = std::max(size, one.bytes);
    size = fate.kind == Fate::Kind::all_new || dice.below(2) == 0 ? one.bytes : dice.between(low, high);
  }
  image.size_ = image.durable_size_ = size;
  const size_t blocks = std::min<size_t>(slots_.size(), (size + kBlockBytes - 1) / kBlockBytes);
  const size_t front = fate.kind == Fate::Kind::front_only ? dice.below(blocks * kSectorsPerBlock + 1) : 0;
  image.slots_.resize(blocks);
  for (size_t block = 0; block < blocks; ++block) {
    const Slot& from = slots_[block];
    Slot& to = image.slots_[block];
    if (from.pending == nullptr) {
      to.durable = from.durable;
    } else {
      const size_t first = block * kSectorsPerBlock;
      to.durable = cut(from, fate, front > first ? front - first : 0, dice);
    }
    to.allocated = from.allocated;
    if (to.allocated) ++image.blocks_allocated_;
  }
  if (size % kBlockBytes != 0 && blocks * kBlockBytes > size)
    truncate_tail(image.slots_[blocks - 1], size % kBlockBytes);
  for (Slot& slot : image.slots_) slot.cache = slot.durable;
  image.unreadable_ = unreadable_;
  return image;
}

Content Content::copy() const {
  Content other;
  other.slots_.resize(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    other.slots_[i].durable = slots_[i].durable;
    other.slots_[i].cache = slots_[i].cache;
    other.slots_[i].allocated = slots_[i].allocated;
    if (slots_[i].pending != nullptr) {
      other.slots_[i].pending = std::make_unique<std::vector<Version>>(*slots_[i].pending);
    }
  }
  other.sizes_ = sizes_;
  other.unreadable_ = unreadable_;
  other.size_ = size_;
  other.durable_size_ = durable_size_;
  other.blocks_allocated_ = blocks_allocated_;
  return other;
}

void Content::truncate_tail(Slot& slot, uint64_t from) {
  if (!slot.durable.zeros()) std::memset(slot.durable.edit() + from, 0, kBlockBytes - from);
}

bool Content::unreadable(uint64_t offset, uint64_t bytes_count) const {
  return std::any_of(unreadable_.begin(), unreadable_.end(), [&](uint64_t sector) {
    return sector * kSectorBytes < offset + bytes_count && (sector + 1) * kSectorBytes > offset;
  });
}

void Content::change_byte(uint64_t offset, uint8_t flip) {
  CHECK(offset < size_);
  Slot& slot = slots_[offset / kBlockBytes];
  const bool same = slot.cache == slot.durable;
  slot.cache.edit()[offset % kBlockBytes] ^= flip;
  if (same) {
    slot.durable = slot.cache;
  } else {
    slot.durable.edit()[offset % kBlockBytes] ^= flip;
  }
}

}  // namespace cwtch::sim
