#include "kernels/pack_avx2.hpp"

#include "kernels/avx2.hpp"

namespace cwtch::kernels {
namespace {

// Sums of four products of 64 bits each: modulo 2^64, and of the upper halves. The sum of the lower halves is what is
// left of `all` without 2^32 * `upper`: it is below 2^64 for up to 2^32 products, so that it does not matter that `all`
// wraps, and no product has to be taken apart.
struct Sums {
  __m256i all, upper;

  CWTCH_AVX2_INLINE void clear() { all = upper = _mm256_setzero_si256(); }
  CWTCH_AVX2_INLINE void add(__m256i a, __m256i b) {
    const __m256i product = _mm256_mul_epu32(a, b);
    all = _mm256_add_epi64(all, product);
    upper = _mm256_add_epi64(upper, _mm256_srli_epi64(product, 32));
  }
  // out[0], out[2], out[4], out[6]
  CWTCH_AVX2_INLINE void store(uint32_t* out) const {
    alignas(32) uint64_t all_words[4], upper_words[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(all_words), all);
    _mm256_store_si256(reinterpret_cast<__m256i*>(upper_words), upper);
    for (size_t i = 0; i < 4; ++i) {
      constexpr uint32_t two32 = reduce(uint64_t{1} << 32);
      const uint64_t lower = all_words[i] - (upper_words[i] << 32);
      out[2 * i] = kernels::add(reduce(lower), mul(reduce(upper_words[i]), two32));
    }
  }
};

// Of eight words: those at even places and those at odd ones.
struct Sums8 {
  Sums even, odd;

  CWTCH_AVX2_INLINE void clear() {
    even.clear();
    odd.clear();
  }
  CWTCH_AVX2_INLINE void add(const uint32_t* a, const uint32_t* b) {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    even.add(x, y);
    odd.add(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32));
  }
  CWTCH_AVX2_INLINE void store(uint32_t* out) const {
    even.store(out);
    odd.store(out + 1);
  }
};

// One key and the slots of one block.
CWTCH_AVX2 void pack_block(size_t digits, const uint32_t* prepared, const uint32_t* key, size_t block, uint32_t* out) {
  const size_t half = block * kPackSlots / kHalfOrbit, place = block * kPackSlots % kHalfOrbit;
  const uint32_t* word = prepared + prepared_place(digits, block, 1, 0, false);
  Sums8 low, high;  // the slots' first eight, and the others
  low.clear();
  high.clear();
  for (size_t j = 1; j < kHalfOrbit; ++j) {
    for (size_t i = 0; i < digits; ++i) {
      for (size_t flip = 0; flip < 2; ++flip, word += kPackSlots) {
        const uint32_t* const y = key + (2 * i + (half ^ flip)) * kDoubledWords + place + j - 1;
        low.add(word, y);
        high.add(word + kPackSlots / 2, y + kPackSlots / 2);
      }
    }
  }
  for (size_t i = 0; i < digits; ++i, word += kPackSlots) {
    const uint32_t* const y = key + 2 * digits * kDoubledWords + i * kDegree + block * kPackSlots;
    low.add(word, y);
    high.add(word + kPackSlots / 2, y + kPackSlots / 2);
  }
  low.store(out);
  high.store(out + kPackSlots / 2);
}

}  // namespace

bool pack_avx2_usable() { return __builtin_cpu_supports("avx2"); }

// What is prepared for one block of slots, a third of a megabyte at five digits, stays in a cache for all keys.
void pack_avx2(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
               uint32_t* const* out) {
  for (size_t block = 0; block < kDegree / kPackSlots; ++block) {
    for (size_t k = 0; k < count; ++k) pack_block(digits, prepared, keys[k], block, out[k] + block * kPackSlots);
  }
}

}  // namespace cwtch::kernels
