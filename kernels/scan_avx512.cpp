#include "kernels/scan_avx512.hpp"

#include <immintrin.h>

#include "kernels/scan_stripes.hpp"
#include "kernels/unroll.hpp"

#define CWTCH_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni")))
#define CWTCH_AVX512_INLINE __attribute__((target("avx512f,avx512bw,avx512vnni"), always_inline)) inline

// A word u stands for u or u - q (u - 2^32), whichever four digits of base 256 from -128 to 127 can say: from
// -2155905152 to 2139062143, which is 2^32 numbers. With v that number, the bytes of v + 0x80808080 are the digits +
// 128.
//
// VPDPBUSD multiplies bytes by digits and adds four such products. Each digit has its own sums, which are exact: a
// stripe adds at most kStripeColumnsMax of them.
namespace cwtch::kernels {
namespace {

constexpr int kTiles = kBlockRows / kTileRows;
constexpr uint32_t kDigits = 4;
constexpr uint32_t kOfZero = 0x80808080;   // digits + 128 of zero
constexpr uint32_t kWordMax = 2139062143;  // above: u - q
static_assert(kTiles == 4);                // 16 sums, 4 tiles, and 4 digits of which each is used 4 times: no spills
static_assert(kStripeColumnsMax * 255 * 128 < (uint64_t{1} << 31));
static_assert(int64_t{kWordMax} + 1 - kQ >= -2155905152 && kWordMax + kOfZero == 0xffffffff);

CWTCH_AVX512 uint64_t prepare(const uint32_t* words, size_t columns, Modulus modulus, uint8_t* digits) {
  const __m512i transposed =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i of_zero = _mm512_set1_epi32(static_cast<int>(kOfZero));
  const __m512i q = _mm512_set1_epi32(static_cast<int>(modulus == Modulus::q ? kQ : 0));
  __m512i even = _mm512_setzero_si512(), odd = even;
  for (size_t column = 0; column < columns; column += 16) {
    const size_t left = columns - column;
    const auto present = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
    const __m512i word = _mm512_maskz_loadu_epi32(present, words + column);
    even = _mm512_add_epi64(even, _mm512_maskz_mov_epi32(0x5555, word));
    odd = _mm512_add_epi64(odd, _mm512_srli_epi64(word, 32));
    const __mmask16 above = _mm512_cmpgt_epu32_mask(word, _mm512_set1_epi32(kWordMax));
    const __m512i number = _mm512_mask_sub_epi32(word, above, word, q);
    const __m512i digit = _mm512_xor_si512(_mm512_add_epi32(number, of_zero), of_zero);
    _mm512_store_si512(digits + column * 4, _mm512_shuffle_epi8(digit, transposed));
  }
  return static_cast<uint64_t>(_mm512_reduce_add_epi64(_mm512_add_epi64(even, odd)));
}

struct Sums {
  __m512i of[kTiles][kDigits];
};

// kAhead: how many lines of the next block each group fetches.
template <int kAhead>
CWTCH_AVX512_INLINE void dot(const uint8_t* tiles, size_t groups, const uint8_t* digits, const uint8_t* ahead,
                             Sums& sums) {
  CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
    CWTCH_UNROLL for (uint32_t digit = 0; digit < kDigits; ++digit) sums.of[tile][digit] = _mm512_setzero_si512();
  }
  for (size_t group = 0; group < groups; ++group) {
    __m512i bytes[kTiles];
    CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
      bytes[tile] = _mm512_load_si512(tiles + group * kBlockRows * 4 + tile * kTileBytes);
    }
    CWTCH_UNROLL for (int line = 0; line < kAhead; ++line) {
      _mm_prefetch(reinterpret_cast<const char*>(ahead) + (group * kAhead + line) * 64, _MM_HINT_T1);
    }
    CWTCH_UNROLL for (uint32_t digit = 0; digit < kDigits; ++digit) {
      int four;
      __builtin_memcpy(&four, digits + group * 16 + digit * 4, sizeof four);
      const __m512i factor = _mm512_set1_epi32(four);
      CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
        sums.of[tile][digit] = _mm512_dpbusd_epi32(sums.of[tile][digit], bytes[tile], factor);
      }
    }
  }
}

// The eight sums in the even lanes, positive, plus `add`; below 2 * 2^32.
CWTCH_AVX512_INLINE __m512i almost_reduced(const __m512i* sums, __m512i offset, __m512i add) {
  __m512i value = offset;
  CWTCH_UNROLL for (uint32_t digit = 0; digit < kDigits; ++digit) {
    value = _mm512_add_epi64(value, _mm512_mul_epi32(sums[digit], _mm512_set1_epi64(1 << 8 * digit)));
  }
  CWTCH_UNROLL for (int i = 0; i < 2; ++i) {  // 2^32 is 2^20 - 1 modulo q: 2^52, 2^40, 2^33
    const __m512i high = _mm512_srli_epi64(value, 32), low = _mm512_maskz_mov_epi32(0x5555, value);
    value = _mm512_add_epi64(low, _mm512_sub_epi64(_mm512_slli_epi64(high, 20), high));
  }
  value = _mm512_add_epi64(value, add);
  const __m512i q = _mm512_set1_epi64(kQ);
  CWTCH_UNROLL for (int i = 0; i < 2; ++i) value = _mm512_min_epu64(value, _mm512_sub_epi64(value, q));
  return value;
}

CWTCH_AVX512_INLINE __m512i add_modulo_q(__m512i answers, const __m512i* sums, uint64_t offset) {
  const __m512i offsets = _mm512_set1_epi64(static_cast<int64_t>(offset));
  __m512i odd[kDigits];
  CWTCH_UNROLL for (uint32_t digit = 0; digit < kDigits; ++digit) odd[digit] = _mm512_srli_epi64(sums[digit], 32);
  const __m512i low = almost_reduced(sums, offsets, _mm512_maskz_mov_epi32(0x5555, answers));
  const __m512i high = almost_reduced(odd, offsets, _mm512_srli_epi64(answers, 32));
  return _mm512_mask_blend_epi32(0xaaaa, low, _mm512_slli_epi64(high, 32));
}

CWTCH_AVX512_INLINE __m512i add_modulo_two32(__m512i answers, const __m512i* sums, uint64_t offset) {
  answers = _mm512_add_epi32(answers, _mm512_set1_epi32(static_cast<int>(offset)));
  CWTCH_UNROLL for (uint32_t digit = 0; digit < kDigits; ++digit) {
    answers = _mm512_add_epi32(answers, _mm512_slli_epi32(sums[digit], 8 * digit));
  }
  return answers;
}

template <int kAhead>
CWTCH_AVX512 void accumulate_one(const uint8_t* tiles, size_t groups, const uint8_t* ahead, const StripeQuery& query,
                                 Modulus modulus) {
  Sums sums;
  dot<kAhead>(tiles, groups, query.digits, ahead, sums);
  CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
    uint32_t* const to = query.answers + tile * kTileRows;
    const __m512i answers = _mm512_loadu_si512(to);
    _mm512_storeu_si512(to, modulus == Modulus::q ? add_modulo_q(answers, sums.of[tile], query.offset)
                                                  : add_modulo_two32(answers, sums.of[tile], query.offset));
  }
}

// One query's products keep up with memory by themselves, and fetching ahead would only disturb. With more queries a
// block is in the cache for all but the first, and memory would rest meanwhile: two of them fetch the next block.
void accumulate(const uint8_t* tiles, size_t groups, const StripeQuery* queries, size_t count, Modulus modulus) {
  const uint8_t* const ahead = tiles + groups * kBlockRows * 4;
  const size_t fetching = count == 2 ? 0 : 1;  // of three or more, the first already waits for memory
  for (size_t i = 0; i < count; ++i) {
    if (count > 1 && (i == fetching || i == fetching + 1)) {
      accumulate_one<2>(tiles, groups, ahead + (i - fetching) * groups * 2 * 64, queries[i], modulus);
    } else {
      accumulate_one<0>(tiles, groups, ahead, queries[i], modulus);
    }
  }
}

constexpr StripeKernel kKernel = {prepare, accumulate};

}  // namespace

bool scan_avx512_usable() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vnni");
}

void multiply_avx512(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus,
                     BlockRange range, uint32_t* answers) {
  multiply_stripes(kKernel, matrix, queries, count, modulus, range, answers);
}

}  // namespace cwtch::kernels
