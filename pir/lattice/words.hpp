// Vectors of words for the kernels: aligned to cache lines; and wiped ones for secrets.
#pragma once

#include <sodium.h>

#include <cstdint>
#include <new>
#include <vector>

namespace cwtch::pir {

template <class T, bool wiped>
struct WordAllocator {
  using value_type = T;
  template <class U>
  struct rebind {
    using other = WordAllocator<U, wiped>;
  };
  WordAllocator() = default;
  template <class U>
  explicit WordAllocator(const WordAllocator<U, wiped>&) {}

  T* allocate(size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* words, size_t count) {
    if constexpr (wiped) sodium_memzero(words, count * sizeof(T));
    ::operator delete (words, std::align_val_t{64});
  }
  friend bool operator==(const WordAllocator&, const WordAllocator&) { return true; }
};

using Words = std::vector<uint32_t, WordAllocator<uint32_t, false>>;
using SecretWords = std::vector<uint32_t, WordAllocator<uint32_t, true>>;
using SecretNumbers = std::vector<uint64_t, WordAllocator<uint64_t, true>>;

}  // namespace cwtch::pir
