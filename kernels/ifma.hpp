// Arithmetic modulo q in eight 64-bit lanes by AVX-512 IFMA, whose products have 104 bits in two halves of 52. Twenty
// bits above q are room: sums need no correction for many steps.
//
// Every function here inlines into one that is CWTCH_AVX512.
#pragma once

#include <immintrin.h>

#include "kernels/modulus.hpp"

#define CWTCH_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx512ifma")))
#define CWTCH_IFMA CWTCH_AVX512 __attribute__((always_inline)) inline

namespace cwtch::kernels::ifma {

constexpr uint64_t kMask52 = (uint64_t{1} << 52) - 1;
constexpr uint64_t kNegatedQ = (uint64_t{1} << 52) - kQ;  // -q modulo 2^52
constexpr uint64_t kBarrett = (uint64_t{1} << 52) / kQ;   // floor(2^52 / q)
constexpr uint64_t kFold32 = (uint64_t{1} << 20) - 1;     // 2^32 modulo q
static_assert((uint64_t{1} << 32) % kQ == kFold32);

// A factor w and floor(w * 2^52 / q), for Shoup's multiplication (Harvey, "Faster arithmetic for number-theoretic
// transforms", section 2).
struct Factor {
  uint64_t w, quotient;
};
constexpr Factor make_factor(uint32_t w) {
  // floor(w * 2^52 / q) in two steps of 26 bits: w * 2^26 and the rest times 2^26 both fit.
  const uint64_t high = (uint64_t{w} << 26) / kQ, rest = (uint64_t{w} << 26) % kQ;
  return {w, (high << 26) + (rest << 26) / kQ};
}

CWTCH_IFMA __m512i broadcast(uint64_t value) { return _mm512_set1_epi64(static_cast<int64_t>(value)); }

// a * w in [0, 2q). REQUIRES: a < 2^52
CWTCH_IFMA __m512i multiply(__m512i a, const Factor& factor) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i quotient = _mm512_madd52hi_epu64(zero, a, broadcast(factor.quotient));
  const __m512i product = _mm512_madd52lo_epu64(zero, a, broadcast(factor.w));
  return _mm512_and_si512(_mm512_madd52lo_epu64(product, quotient, broadcast(kNegatedQ)), broadcast(kMask52));
}

// The same number in [0, 2q). REQUIRES: a < 2^52
CWTCH_IFMA __m512i reduce(__m512i a) {
  const __m512i quotient = _mm512_madd52hi_epu64(_mm512_setzero_si512(), a, broadcast(kBarrett));
  return _mm512_and_si512(_mm512_madd52lo_epu64(a, quotient, broadcast(kNegatedQ)), broadcast(kMask52));
}

// [0, 2q) to [0, q).
CWTCH_IFMA __m512i canonical(__m512i a) { return _mm512_min_epu64(a, _mm512_sub_epi64(a, broadcast(kQ))); }

// Any 64-bit number, below 2^52.
CWTCH_IFMA __m512i fold(__m512i a) {
  const __m512i low = _mm512_and_si512(a, broadcast(0xFFFFFFFFu));
  return _mm512_madd52lo_epu64(low, _mm512_srli_epi64(a, 32), broadcast(kFold32));
}

CWTCH_IFMA __m512i load(const uint32_t* words) {
  return _mm512_cvtepu32_epi64(_mm256_load_si256(reinterpret_cast<const __m256i*>(words)));
}
CWTCH_IFMA void store(uint32_t* words, __m512i a) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(words), _mm512_cvtepi64_epi32(a));
}

inline bool usable() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512ifma");
}

}  // namespace cwtch::kernels::ifma
