#include "engine/core/aligned_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"

namespace cwtch {

AlignedMemory::AlignedMemory(size_t size) {
  const bool huge = size >= kHugePage;
  const size_t align = huge ? kHugePage : kAlign;
  size_ = round_up(size, kAlign);
  if (size_ == 0) return;
  data_ = static_cast<uint8_t*>(std::aligned_alloc(align, round_up(size_, align)));
  CHECK(data_ != nullptr);
  // Advice only: where huge pages are off, small ones serve.
  if (huge) madvise(data_, round_up(size_, align), MADV_HUGEPAGE);
}

void AlignedMemory::populate([[maybe_unused]] const std::atomic<bool>& stop) const {
#ifdef MADV_POPULATE_WRITE
  // In pieces: the kernel holds the address space's lock for as long as one call takes.
  for (size_t at = 0; at < size_ && !stop.load(std::memory_order_relaxed); at += kHugePage) {
    if (madvise(data_ + at, std::min(kHugePage, size_ - at), MADV_POPULATE_WRITE) != 0) return;
  }
#endif
}

AlignedMemory::~AlignedMemory() { std::free(data_); }

}  // namespace cwtch
