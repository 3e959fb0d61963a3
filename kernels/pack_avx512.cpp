#include "kernels/pack_avx512.hpp"

#include "kernels/ifma.hpp"
#include "kernels/unroll.hpp"

namespace cwtch::kernels {
namespace {

using ifma::broadcast;

// Sums of products of 32 bits, in two halves of 52 and 12 bits: for the even words of sixteen, or the odd ones.
struct Sum {
  __m512i low, high;

  CWTCH_IFMA void add(__m512i a, __m512i b) {
    low = _mm512_madd52lo_epu64(low, a, b);
    high = _mm512_madd52hi_epu64(high, a, b);
  }
  CWTCH_IFMA __m512i total() const {
    constexpr uint64_t kFold52 = (uint64_t{1} << 52) % kQ;
    const __m512i upper = ifma::fold(_mm512_mul_epu32(high, broadcast(kFold52)));
    const __m512i sum = _mm512_add_epi64(ifma::reduce(ifma::fold(low)), ifma::reduce(upper));  // < 4q
    return ifma::canonical(ifma::reduce(sum));
  }
};

struct Words {
  __m512i even, odd;
};
CWTCH_IFMA Words split(const uint32_t* words) {
  const __m512i both = _mm512_loadu_si512(words);
  return {_mm512_and_si512(both, broadcast(0xFFFFFFFFu)), _mm512_srli_epi64(both, 32)};
}

// After so many j with 2 * digits products each, the low sums are folded: 2^12 products of 52 bits fit 64.
constexpr size_t kProductsPerFold = 4000;

template <size_t kKeys>
CWTCH_AVX512 void pack_keys(size_t digits, const uint32_t* prepared, const uint32_t* const* keys,
                            uint32_t* const* out) {
  const size_t steps_per_fold = kProductsPerFold / (2 * digits);
  for (size_t block = 0; block < kDegree / kPackSlots; ++block) {
    const size_t half = block * kPackSlots / kHalfOrbit, place = block * kPackSlots % kHalfOrbit;
    const uint32_t* word = prepared + prepared_place(digits, block, 1, 0, false);
    Sum even[kKeys], odd[kKeys];
    CWTCH_UNROLL
    for (size_t k = 0; k < kKeys; ++k) {
      even[k].low = even[k].high = odd[k].low = odd[k].high = _mm512_setzero_si512();
    }
    for (size_t j = 1; j < kHalfOrbit; ++j) {
      for (size_t i = 0; i < digits; ++i) {
        for (size_t flip = 0; flip < 2; ++flip, word += kPackSlots) {
          const Words t = split(word);
          CWTCH_UNROLL
          for (size_t k = 0; k < kKeys; ++k) {
            const Words y = split(keys[k] + (2 * i + (half ^ flip)) * kDoubledWords + place + j - 1);
            even[k].add(t.even, y.even);
            odd[k].add(t.odd, y.odd);
          }
        }
      }
      if (j % steps_per_fold == 0) {
        CWTCH_UNROLL
        for (size_t k = 0; k < kKeys; ++k) {
          even[k].low = ifma::fold(even[k].low);
          odd[k].low = ifma::fold(odd[k].low);
        }
      }
    }
    CWTCH_UNROLL
    for (size_t k = 0; k < kKeys; ++k) {
      even[k].low = ifma::fold(even[k].low);
      odd[k].low = ifma::fold(odd[k].low);
      for (size_t i = 0; i < digits; ++i) {
        const Words u = split(word + i * kPackSlots);
        const Words y = split(keys[k] + 2 * digits * kDoubledWords + i * kDegree + block * kPackSlots);
        even[k].add(u.even, y.even);
        odd[k].add(u.odd, y.odd);
      }
      const __m512i joined = _mm512_or_si512(even[k].total(), _mm512_slli_epi64(odd[k].total(), 32));
      _mm512_storeu_si512(out[k] + block * kPackSlots, joined);
    }
  }
}

}  // namespace

bool pack_avx512_usable() { return ifma::usable(); }

void pack_avx512(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
                 uint32_t* const* out) {
  for (; count >= 4; count -= 4, keys += 4, out += 4) pack_keys<4>(digits, prepared, keys, out);
  if (count >= 2) {
    pack_keys<2>(digits, prepared, keys, out);
    count -= 2, keys += 2, out += 2;
  }
  if (count == 1) pack_keys<1>(digits, prepared, keys, out);
}

}  // namespace cwtch::kernels
