// The receive buffers of one Io: one piece of memory, cut into equal parts. Pages are touched when first used.
//
// Thread:  the Io's own.
// Bound:   `count` buffers of `size` bytes. When all are out, a recv waits until one comes back (docs/decisions/0002).
#pragma once

#include <bit>

#include "engine/core/aligned_memory.hpp"
#include "engine/core/check.hpp"

namespace cwtch::io {

class ReceiveMemory {
 public:
  ReceiveMemory(uint32_t count, uint32_t size) : count_(count), size_(size), memory_(size_t{count} * size) {
    CHECK(std::has_single_bit(count));
    CHECK(count <= 32768);  // buffer ids of a ring are 16 bits, and so is its tail
  }

  uint32_t count() const { return count_; }
  uint32_t size() const { return size_; }
  uint8_t* at(uint32_t index) const { return memory_.data() + size_t{index} * size_; }
  uint32_t index_of(const uint8_t* memory) const {
    const auto offset = static_cast<size_t>(memory - memory_.data());
    CHECK(offset < size_t{count_} * size_);
    CHECK(offset % size_ == 0);
    return static_cast<uint32_t>(offset / size_);
  }

 private:
  const uint32_t count_;
  const uint32_t size_;
  const AlignedMemory memory_;
};

}  // namespace cwtch::io
