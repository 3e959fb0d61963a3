// 4 KiB of a simulated medium, shared by whoever has the same bytes there: a running disk and its crash images.
//
// Counted without atomics: a disk and all images made from it belong to one thread. No block means zeros.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

namespace cwtch::sim {

constexpr size_t kSectorBytes = 512;  // what a power cut leaves old, new or garbage, each on its own
constexpr size_t kBlockBytes = 4096;  // unit of allocation and of sharing
constexpr size_t kSectorsPerBlock = kBlockBytes / kSectorBytes;
using SectorMask = uint8_t;
static_assert(kSectorsPerBlock == 8 * sizeof(SectorMask));
constexpr SectorMask kAllSectors = 0xFF;

class Block {
 public:
  Block() = default;
  Block(const Block& other) : shared_(other.shared_) {
    if (shared_ != nullptr) ++shared_->holders;
  }
  Block(Block&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  Block& operator=(Block other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~Block() {
    if (shared_ != nullptr && --shared_->holders == 0) delete shared_;
  }
  friend bool operator==(const Block& a, const Block& b) { return a.shared_ == b.shared_; }

  const uint8_t* bytes() const { return shared_ == nullptr ? kZeros : shared_->bytes; }
  const uint8_t* sector(size_t index) const { return bytes() + index * kSectorBytes; }
  bool zeros() const { return shared_ == nullptr; }

  // Bytes that may be changed: nobody else sees it.
  uint8_t* edit() {
    if (shared_ == nullptr) {
      shared_ = new Shared;
      std::memset(shared_->bytes, 0, kBlockBytes);
    } else if (shared_->holders > 1) {
      Shared* const copy = new Shared;
      std::memcpy(copy->bytes, shared_->bytes, kBlockBytes);
      --shared_->holders;
      shared_ = copy;
    }
    return shared_->bytes;
  }
  // Takes the sectors in `mask` from `other`.
  void take(const Block& other, SectorMask mask) {
    if (mask == kAllSectors || *this == other) {
      *this = other;
      return;
    }
    uint8_t* const to = edit();
    for (size_t s = 0; s < kSectorsPerBlock; ++s) {
      if ((mask >> s & 1) != 0) std::memcpy(to + s * kSectorBytes, other.sector(s), kSectorBytes);
    }
  }
  // Lets go of a block that became all zeros: prewritten files then cost no memory.
  void shrink() {
    if (shared_ != nullptr && std::memcmp(shared_->bytes, kZeros, kBlockBytes) == 0) *this = Block();
  }

 private:
  struct Shared {
    uint32_t holders = 1;
    uint8_t bytes[kBlockBytes];
  };
  inline static const uint8_t kZeros[kBlockBytes] = {};

  Shared* shared_ = nullptr;
};

}  // namespace cwtch::sim
