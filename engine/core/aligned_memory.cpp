#include "engine/core/aligned_memory.hpp"

#include <sys/mman.h>

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

AlignedMemory::~AlignedMemory() { std::free(data_); }

}  // namespace cwtch
