// Memory for direct I/O: aligned to 4096 bytes, or to huge pages, asked for from the kernel, when it is that large.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/core/bytes.hpp"

namespace cwtch {

class AlignedMemory {
 public:
  static constexpr size_t kAlign = 4096;
  static constexpr size_t kHugePage = 2 << 20;

  AlignedMemory() = default;
  // At least `size` bytes, rounded up to the alignment; contents are not set. Aborts when there is no memory.
  explicit AlignedMemory(size_t size);
  AlignedMemory(AlignedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedMemory& operator=(AlignedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedMemory();

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  MutableBytes bytes() const { return {data_, size_}; }
  // Takes all of it from the system now, where the kernel can (Linux 5.14), instead of piece by piece as it is first
  // written. Contents stay; any thread, beside others that use it. Ends early when `stop` becomes true.
  void populate(const std::atomic<bool>& stop) const;

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace cwtch
