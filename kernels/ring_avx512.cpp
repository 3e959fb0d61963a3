#include "kernels/ring_avx512.hpp"

#include <memory>

#include "kernels/ifma.hpp"
#include "kernels/ring_scalar.hpp"
#include "kernels/unroll.hpp"

namespace cwtch::kernels {
namespace {

using ifma::broadcast;
using ifma::Factor;

static_assert(kDegree == 1024, "its passes are five of two layers each");

constexpr size_t kHalf = kLanes / 2;  // polynomials in one vector of 64-bit lanes

struct Tables {
  Factor forward[kDegree], inverse[kDegree];
  Factor degree_inverse;
  // What centring the bytes of a block adds to each slot: -128 times the transform of 1 + X + ... + X^1023.
  uint32_t centring[kDegree];

  Tables() : degree_inverse(ifma::make_factor(kernels::inverse(kDegree))) {
    const uint32_t psi_inverse = kernels::inverse(kPsi);
    for (uint32_t i = 0; i < kDegree; ++i) {
      forward[i] = ifma::make_factor(pow_vartime(kPsi, reversed(i)));
      inverse[i] = ifma::make_factor(pow_vartime(psi_inverse, reversed(i)));
    }
    const auto ones = std::make_unique<uint32_t[]>(kLaneWords);
    for (size_t i = 0; i < kLaneWords; ++i) ones[i] = kQ - 128;
    forward_scalar(ones.get());
    for (size_t slot = 0; slot < kDegree; ++slot) centring[slot] = ones[slot * kLanes];
  }
};
const Tables& tables() {
  static const Tables made;
  return made;
}

// Eight polynomials on their way: 64 KiB, which the second-level cache holds.
struct Scratch {
  alignas(64) __m512i x[kDegree];
};
Scratch& scratch() {
  static thread_local Scratch memory;
  return memory;
}

// (a, b) becomes (a + b w, a - b w); both grow by 2q.
CWTCH_IFMA void butterfly(__m512i& a, __m512i& b, const Factor& w) {
  const __m512i t = ifma::multiply(b, w);
  b = _mm512_add_epi64(_mm512_sub_epi64(a, t), broadcast(2 * uint64_t{kQ}));
  a = _mm512_add_epi64(a, t);
}

// Two layers at once, those of `blocks` and 2 * `blocks` blocks; block by block, so that a pass reads and writes each
// vector once. load(i), store(i, x): of vector i.
template <class Load, class Store>
CWTCH_IFMA void forward_pass(size_t blocks, const Factor* table, const Load& load, const Store& store) {
  const size_t quarter = kDegree / blocks / 4;
  for (size_t block = 0; block < blocks; ++block) {
    const Factor &outer = table[blocks + block], &first = table[2 * (blocks + block)],
                 &second = table[2 * (blocks + block) + 1];
    for (size_t i = block * 4 * quarter; i < block * 4 * quarter + quarter; ++i) {
      __m512i a = load(i), b = load(i + quarter), c = load(i + 2 * quarter), d = load(i + 3 * quarter);
      butterfly(a, c, outer);
      butterfly(b, d, outer);
      butterfly(a, b, first);
      butterfly(c, d, second);
      store(i, a);
      store(i + quarter, b);
      store(i + 2 * quarter, c);
      store(i + 3 * quarter, d);
    }
  }
}

// The layers of 4, 16, 64 blocks and those within; the last pass hands its vectors to `store`.
template <class Store>
CWTCH_IFMA void forward_rest(__m512i* x, const Factor* table, const Store& store) {
  const auto keep = [x](size_t i, __m512i value) CWTCH_AVX512 { x[i] = value; };
  const auto take = [x](size_t i) CWTCH_AVX512 { return x[i]; };
  for (size_t blocks = 4; blocks < 256; blocks *= 4) forward_pass(blocks, table, take, keep);
  forward_pass(256, table, take, store);
}

// Eight lanes of `sum` += x * w. REQUIRES: x < q, w < q in every lane
CWTCH_IFMA void add_product(uint32_t* sum, __m512i x, __m512i w) {
  const __m512i product = ifma::reduce(ifma::fold(_mm512_mul_epu32(x, w)));
  const __m512i total = _mm512_add_epi64(product, ifma::load(sum));  // < 3q
  ifma::store(sum, ifma::canonical(ifma::canonical(total)));
}

// (a, b) becomes (a + b, (a - b) w). a, b < bound, a multiple of q.
CWTCH_IFMA void butterfly_back(__m512i& a, __m512i& b, const Factor& w, __m512i bound) {
  const __m512i difference = _mm512_add_epi64(_mm512_sub_epi64(a, b), bound);
  a = _mm512_add_epi64(a, b);
  b = ifma::multiply(difference, w);
}

}  // namespace

Memory scratch_avx512() { return {&scratch(), sizeof(Scratch)}; }

bool ring_avx512_usable() { return ifma::usable(); }

CWTCH_AVX512 void forward_avx512(uint32_t* lanes) {
  const Factor* const table = tables().forward;
  __m512i* const x = scratch().x;
  for (size_t half = 0; half < 2; ++half) {
    uint32_t* const words = lanes + half * kHalf;
    forward_pass(
        1, table, [words](size_t i) CWTCH_AVX512 { return ifma::load(words + i * kLanes); },
        [x](size_t i, __m512i value) CWTCH_AVX512 { x[i] = value; });
    forward_rest(x, table, [words](size_t i, __m512i value) CWTCH_AVX512 {
      ifma::store(words + i * kLanes, ifma::canonical(ifma::reduce(value)));
    });
  }
}

CWTCH_AVX512 void inverse_avx512(uint32_t* lanes) {
  const Factor* const table = tables().inverse;
  __m512i* const x = scratch().x;
  for (size_t half = 0; half < 2; ++half) {
    uint32_t* const words = lanes + half * kHalf;
    uint64_t bound = kQ;  // of what goes into a layer; sums double it, up to 2^42
    for (size_t distance = 1, blocks = kDegree / 2; blocks > 0; distance *= 4, blocks /= 4) {
      const __m512i first_bound = broadcast(bound), second_bound = broadcast(2 * bound);
      for (size_t block = 0; block < blocks / 2; ++block) {
        const Factor &first = table[blocks + 2 * block], &second = table[blocks + 2 * block + 1],
                     &outer = table[blocks / 2 + block];
        for (size_t i = block * 4 * distance; i < block * 4 * distance + distance; ++i) {
          const auto at = [&](size_t n) CWTCH_AVX512 {
            return distance == 1 ? ifma::load(words + (i + n) * kLanes) : x[i + n * distance];
          };
          __m512i a = at(0), b = at(1), c = at(2), d = at(3);
          butterfly_back(a, b, first, first_bound);
          butterfly_back(c, d, second, first_bound);
          butterfly_back(a, c, outer, second_bound);
          butterfly_back(b, d, outer, second_bound);
          x[i] = a;
          x[i + distance] = b;
          x[i + 2 * distance] = c;
          x[i + 3 * distance] = d;
        }
      }
      bound *= 4;
    }
    for (size_t i = 0; i < kDegree; ++i) {
      ifma::store(words + i * kLanes, ifma::canonical(ifma::multiply(x[i], tables().degree_inverse)));
    }
  }
}

CWTCH_AVX512 void multiply_add_avx512(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high) {
  for (size_t slot = 0; slot < kDegree; ++slot) {
    const size_t at = slot * kLanes;
    add_product(sum + at, ifma::load(x + at), broadcast(low[slot]));
    add_product(sum + at + kHalf, ifma::load(x + at + kHalf), broadcast(high[slot]));
  }
}

CWTCH_AVX512 void hint_add_avx512(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride,
                                  const uint32_t* multiplier) {
  const Factor* const table = tables().forward;
  const uint32_t* const centring = tables().centring;
  __m512i* const x = scratch().x;
  const __m512i byte = broadcast(255);
  // Bytes times a factor have 40 bits: the first layer needs no reduction, only a multiple of q to stay positive.
  const __m512i outer = broadcast(table[1].w), above = broadcast(uint64_t{kQ} << 8);
  for (size_t half = 0; half < 2; ++half) {
    const size_t offset = half * kHalf * 4;
    for (size_t group = 0; group < 64; ++group) {
      __m512i rows[4];  // of each panel: four columns of eight rows, a byte each, in the low half of a lane
      for (size_t panel = 0; panel < 4; ++panel) {
        rows[panel] = _mm512_cvtepu32_epi64(
            _mm256_load_si256(reinterpret_cast<const __m256i*>(tiles[panel] + group * stride + offset)));
      }
      CWTCH_UNROLL
      for (size_t column = 0; column < 4; ++column) {
        __m512i value[4];
        for (size_t panel = 0; panel < 4; ++panel) {
          value[panel] = _mm512_and_si512(rows[panel], byte);
          rows[panel] = _mm512_srli_epi64(rows[panel], 8);
        }
        const __m512i c = _mm512_mul_epu32(value[2], outer), d = _mm512_mul_epu32(value[3], outer);
        __m512i a0 = _mm512_add_epi64(value[0], c), a2 = _mm512_add_epi64(_mm512_sub_epi64(value[0], c), above);
        __m512i a1 = _mm512_add_epi64(value[1], d), a3 = _mm512_add_epi64(_mm512_sub_epi64(value[1], d), above);
        butterfly(a0, a1, table[2]);
        butterfly(a2, a3, table[3]);
        const size_t i = group * 4 + column;
        x[i] = a0;
        x[i + 256] = a1;
        x[i + 512] = a2;
        x[i + 768] = a3;
      }
    }
    uint32_t* const to = sum + half * kHalf;
    forward_rest(x, table, [to, centring, multiplier](size_t slot, __m512i value) CWTCH_AVX512 {
      const __m512i centred = _mm512_add_epi64(value, broadcast(centring[slot]));
      add_product(to + slot * kLanes, ifma::canonical(ifma::reduce(centred)), broadcast(multiplier[slot]));
    });
  }
}

CWTCH_AVX512 void digits_avx512(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped,
                                uint32_t* digits) {
  // Centred numbers fit 32 bits with their sign: -q is 2^20 - 1 modulo 2^32.
  const __m512i q = _mm512_set1_epi32(static_cast<int>(kQ)), middle = _mm512_set1_epi32(static_cast<int>(kQ / 2));
  const __m512i minus_q = _mm512_set1_epi32(static_cast<int>(0u - kQ));
  const __m512i rounding = _mm512_set1_epi32(1 << dropped >> 1);
  const __m512i half_base = _mm512_set1_epi32(1 << base_bits >> 1), mask = _mm512_set1_epi32((1 << base_bits) - 1);
  for (size_t slot = 0; slot < kDegree; ++slot) {
    const __m512i word = _mm512_load_si512(lanes + slot * kLanes);
    __m512i rest = _mm512_mask_add_epi32(word, _mm512_cmpgt_epu32_mask(word, middle), word, minus_q);
    rest = _mm512_srav_epi32(_mm512_add_epi32(rest, rounding), _mm512_set1_epi32(static_cast<int>(dropped)));
    for (uint32_t digit = 0; digit < count; ++digit) {
      __m512i low = rest;
      if (digit + 1 < count) {
        low = _mm512_sub_epi32(_mm512_and_si512(_mm512_add_epi32(rest, half_base), mask), half_base);
        rest = _mm512_srav_epi32(_mm512_sub_epi32(rest, low), _mm512_set1_epi32(static_cast<int>(base_bits)));
      }
      const __m512i residue = _mm512_mask_add_epi32(low, _mm512_movepi32_mask(low), low, q);
      _mm512_store_si512(digits + digit * kLaneWords + slot * kLanes, residue);
    }
  }
}

}  // namespace cwtch::kernels
