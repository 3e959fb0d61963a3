// Arithmetic modulo q in four double-precision lanes: AVX2 has no wide products of integers, but FMA yields both halves
// of a product of doubles (Dekker's two-product), and a quotient by multiplication and rounding.
//
// Numbers are integers, of either sign, exact below 2^53. Of 53 bits q takes 32: sums need no correction for many
// steps. Nothing here is ever a subnormal number, so that time does not depend on values.
//
// Every function here inlines into one that is CWTCH_FMA.
#pragma once

#include <immintrin.h>

#include "kernels/modulus.hpp"

#define CWTCH_FMA __attribute__((target("avx2,fma")))
#define CWTCH_FMA_INLINE CWTCH_FMA __attribute__((always_inline)) inline

namespace cwtch::kernels::fma {

constexpr double kModulus = kQ;
constexpr double kInverse = 1 / kModulus;
constexpr double kTwo52 = 4503599627370496;  // the last bit of a double between this and twice this is worth 1
constexpr double kRounding = 1.5 * kTwo52;   // added and taken away, rounds what is below 2^51 to the nearest integer

// A factor w in [0, q), and w / q.
struct Factor {
  double w, quotient;
};
constexpr Factor make_factor(uint32_t w) { return {static_cast<double>(w), w / kModulus}; }

CWTCH_FMA_INLINE __m256d broadcast(double value) { return _mm256_set1_pd(value); }

CWTCH_FMA_INLINE __m256d rounded(__m256d shifted) { return _mm256_sub_pd(shifted, broadcast(kRounding)); }

// a * w modulo q, at most q / 2 and a thousandth of q away from zero. REQUIRES: |a| < 2^42
//
// The product is high + low exactly. The quotient is off by less than 1/2 + 2^-10: its own rounding, and 2^42 times the
// error of factor.quotient. high - quotient * q is an integer below 2^34, so that FMA's one rounding does nothing to
// it.
CWTCH_FMA_INLINE __m256d multiply(__m256d a, const Factor& factor) {
  const __m256d w = broadcast(factor.w);
  const __m256d high = _mm256_mul_pd(a, w), low = _mm256_fmsub_pd(a, w, high);
  const __m256d quotient = rounded(_mm256_fmadd_pd(a, broadcast(factor.quotient), broadcast(kRounding)));
  return _mm256_add_pd(_mm256_fnmadd_pd(quotient, broadcast(kModulus), high), low);
}

// x * w + sum modulo q, as near to zero as a product. REQUIRES: |x| < 2^42, |sum| < 2^42
CWTCH_FMA_INLINE __m256d multiply_add(__m256d x, const Factor& factor, __m256d sum) {
  const __m256d w = broadcast(factor.w);
  const __m256d high = _mm256_mul_pd(x, w), low = _mm256_fmsub_pd(x, w, high);
  const __m256d of_sum = _mm256_mul_pd(sum, broadcast(kInverse));
  const __m256d exact = _mm256_fmadd_pd(x, broadcast(factor.quotient), of_sum);
  const __m256d quotient = rounded(_mm256_add_pd(exact, broadcast(kRounding)));
  return _mm256_add_pd(_mm256_fnmadd_pd(quotient, broadcast(kModulus), high), _mm256_add_pd(low, sum));
}

// The same number as near to zero as a product. REQUIRES: |a| < 2^42
CWTCH_FMA_INLINE __m256d reduce(__m256d a) {
  const __m256d quotient = rounded(_mm256_fmadd_pd(a, broadcast(kInverse), broadcast(kRounding)));
  return _mm256_fnmadd_pd(quotient, broadcast(kModulus), a);
}

// Four words.
CWTCH_FMA_INLINE __m256d load(const uint32_t* words) {
  const __m256i wide = _mm256_cvtepu32_epi64(_mm_load_si128(reinterpret_cast<const __m128i*>(words)));
  const __m256d shifted = _mm256_or_pd(_mm256_castsi256_pd(wide), broadcast(kTwo52));
  return _mm256_sub_pd(shifted, broadcast(kTwo52));
}

// Four numbers as words below q. REQUIRES: as near to zero as a product
CWTCH_FMA_INLINE void store(uint32_t* words, __m256d a) {
  const __m256d negative = _mm256_cmp_pd(a, _mm256_setzero_pd(), _CMP_LT_OQ);
  const __m256d residue = _mm256_add_pd(a, _mm256_and_pd(negative, broadcast(kModulus)));
  const __m256i wide = _mm256_castpd_si256(_mm256_add_pd(residue, broadcast(kTwo52)));
  const __m256i packed = _mm256_permutevar8x32_epi32(wide, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
  _mm_store_si128(reinterpret_cast<__m128i*>(words), _mm256_castsi256_si128(packed));
}

inline bool usable() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

}  // namespace cwtch::kernels::fma
