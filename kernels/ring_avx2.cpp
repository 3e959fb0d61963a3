#include "kernels/ring_avx2.hpp"

#include "kernels/fma.hpp"
#include "kernels/unroll.hpp"

namespace cwtch::kernels {
namespace {

using fma::Factor;

static_assert(kDegree == 1024, "its passes are five of two layers each");

constexpr size_t kVectorLanes = 4;  // polynomials in one vector of doubles

struct Tables {
  Factor forward[kDegree], inverse[kDegree];

  Tables() {
    const uint32_t psi_inverse = kernels::inverse(kPsi);
    for (uint32_t i = 0; i < kDegree; ++i) {
      forward[i] = fma::make_factor(pow_vartime(kPsi, reversed(i)));
      inverse[i] = fma::make_factor(pow_vartime(psi_inverse, reversed(i)));
    }
  }
};
const Tables& tables() {
  static const Tables made;
  return made;
}

// Four polynomials on their way: 32 KiB.
struct Scratch {
  alignas(64) __m256d x[kDegree];
};
Scratch& scratch() {
  static thread_local Scratch memory;
  return memory;
}

// (a, b) becomes (a + b w, a - b w); a grows by q / 2: after ten layers it is below 2^35.
CWTCH_FMA_INLINE void butterfly(__m256d& a, __m256d& b, const Factor& w) {
  const __m256d t = fma::multiply(b, w);
  b = _mm256_sub_pd(a, t);
  a = _mm256_add_pd(a, t);
}

// Two layers at once, those of `blocks` and 2 * `blocks` blocks; block by block, so that a pass reads and writes each
// vector once. load(i), store(i, x): of vector i.
template <class Load, class Store>
CWTCH_FMA_INLINE void forward_pass(size_t blocks, const Factor* table, const Load& load, const Store& store) {
  const size_t quarter = kDegree / blocks / 4;
  for (size_t block = 0; block < blocks; ++block) {
    const Factor outer = table[blocks + block], first = table[2 * (blocks + block)],
                 second = table[2 * (blocks + block) + 1];
    for (size_t i = block * 4 * quarter; i < block * 4 * quarter + quarter; ++i) {
      __m256d a = load(i), b = load(i + quarter), c = load(i + 2 * quarter), d = load(i + 3 * quarter);
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
CWTCH_FMA_INLINE void forward_rest(__m256d* x, const Factor* table, const Store& store) {
  const auto keep = [x](size_t i, __m256d value) CWTCH_FMA { x[i] = value; };
  const auto take = [x](size_t i) CWTCH_FMA { return x[i]; };
  for (size_t blocks = 4; blocks < 256; blocks *= 4) forward_pass(blocks, table, take, keep);
  forward_pass(256, table, take, store);
}

// Four lanes of `sum` += x * w.
CWTCH_FMA_INLINE void add_product(uint32_t* sum, __m256d x, const Factor& w) {
  fma::store(sum, fma::multiply_add(x, w, fma::load(sum)));
}

// (a, b) becomes (a + b, (a - b) w); a doubles: after ten layers it is below 2^42.
CWTCH_FMA_INLINE void butterfly_back(__m256d& a, __m256d& b, const Factor& w) {
  const __m256d difference = _mm256_sub_pd(a, b);
  a = _mm256_add_pd(a, b);
  b = fma::multiply(difference, w);
}

// As forward_pass, the way back: layers of 2 * `blocks` and of `blocks` blocks.
template <class Load>
CWTCH_FMA_INLINE void inverse_pass(__m256d* x, size_t blocks, const Factor* table, const Load& load) {
  const size_t distance = kDegree / blocks / 4;
  for (size_t block = 0; block < blocks; ++block) {
    const Factor first = table[2 * (blocks + block)], second = table[2 * (blocks + block) + 1],
                 outer = table[blocks + block];
    for (size_t i = block * 4 * distance; i < block * 4 * distance + distance; ++i) {
      __m256d a = load(i), b = load(i + distance), c = load(i + 2 * distance), d = load(i + 3 * distance);
      butterfly_back(a, b, first);
      butterfly_back(c, d, second);
      butterfly_back(a, c, outer);
      butterfly_back(b, d, outer);
      x[i] = a;
      x[i + distance] = b;
      x[i + 2 * distance] = c;
      x[i + 3 * distance] = d;
    }
  }
}

}  // namespace

Memory scratch_avx2() { return {&scratch(), sizeof(Scratch)}; }

bool ring_avx2_usable() { return fma::usable(); }

CWTCH_FMA void forward_avx2(uint32_t* lanes) {
  const Factor* const table = tables().forward;
  __m256d* const x = scratch().x;
  for (size_t lane = 0; lane < kLanes; lane += kVectorLanes) {
    uint32_t* const words = lanes + lane;
    forward_pass(
        1, table, [words](size_t i) CWTCH_FMA { return fma::load(words + i * kLanes); },
        [x](size_t i, __m256d value) CWTCH_FMA { x[i] = value; });
    forward_rest(x, table,
                 [words](size_t i, __m256d value) CWTCH_FMA { fma::store(words + i * kLanes, fma::reduce(value)); });
  }
}

CWTCH_FMA void inverse_avx2(uint32_t* lanes) {
  const Factor* const table = tables().inverse;
  __m256d* const x = scratch().x;
  constexpr Factor degree_inverse = fma::make_factor(kernels::inverse(kDegree));
  for (size_t lane = 0; lane < kLanes; lane += kVectorLanes) {
    uint32_t* const words = lanes + lane;
    inverse_pass(x, 256, table, [words](size_t i) CWTCH_FMA { return fma::load(words + i * kLanes); });
    for (size_t blocks = 64; blocks > 0; blocks /= 4) {
      inverse_pass(x, blocks, table, [x](size_t i) CWTCH_FMA { return x[i]; });
    }
    for (size_t i = 0; i < kDegree; ++i) fma::store(words + i * kLanes, fma::multiply(x[i], degree_inverse));
  }
}

CWTCH_FMA void multiply_add_avx2(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high) {
  for (size_t slot = 0; slot < kDegree; ++slot) {
    const Factor factors[2] = {fma::make_factor(low[slot]), fma::make_factor(high[slot])};
    CWTCH_UNROLL
    for (size_t lane = 0; lane < kLanes; lane += kVectorLanes) {
      const size_t at = slot * kLanes + lane;
      add_product(sum + at, fma::load(x + at), factors[lane / (kLanes / 2)]);
    }
  }
}

CWTCH_FMA void hint_add_avx2(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride,
                             const uint32_t* multiplier) {
  const Factor* const table = tables().forward;
  __m256d* const x = scratch().x;
  const __m128i byte = _mm_set1_epi32(255), centre = _mm_set1_epi32(128);
  const __m256d outer = fma::broadcast(table[1].w);
  for (size_t lane = 0; lane < kLanes; lane += kVectorLanes) {
    for (size_t group = 0; group < kDegree / 16; ++group) {
      __m128i rows[4];  // of each panel: four columns of four rows
      for (size_t panel = 0; panel < 4; ++panel) {
        rows[panel] = _mm_load_si128(reinterpret_cast<const __m128i*>(tiles[panel] + group * stride + lane * 4));
      }
      CWTCH_UNROLL
      for (size_t column = 0; column < 4; ++column) {
        __m256d value[4];
        for (size_t panel = 0; panel < 4; ++panel) {
          value[panel] = _mm256_cvtepi32_pd(_mm_sub_epi32(_mm_and_si128(rows[panel], byte), centre));
          rows[panel] = _mm_srli_epi32(rows[panel], 8);
        }
        // Bytes times a factor have 40 bits: the first layer needs no reduction.
        const __m256d c = _mm256_mul_pd(value[2], outer), d = _mm256_mul_pd(value[3], outer);
        __m256d a0 = _mm256_add_pd(value[0], c), a2 = _mm256_sub_pd(value[0], c);
        __m256d a1 = _mm256_add_pd(value[1], d), a3 = _mm256_sub_pd(value[1], d);
        butterfly(a0, a1, table[2]);
        butterfly(a2, a3, table[3]);
        const size_t i = group * 4 + column;
        x[i] = a0;
        x[i + 256] = a1;
        x[i + 512] = a2;
        x[i + 768] = a3;
      }
    }
    uint32_t* const to = sum + lane;
    forward_rest(x, table, [to, multiplier](size_t slot, __m256d value) CWTCH_FMA {
      add_product(to + slot * kLanes, value, fma::make_factor(multiplier[slot]));
    });
  }
}

CWTCH_FMA void digits_avx2(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped,
                           uint32_t* digits) {
  // Centred numbers fit 32 bits with their sign: what is above q / 2 minus q is that plus 2^20 - 1 modulo 2^32.
  const __m256i q = _mm256_set1_epi32(static_cast<int>(kQ)), above_middle = _mm256_set1_epi32(kQ / 2 + 1);
  const __m256i rounding = _mm256_set1_epi32(1 << dropped >> 1);
  const __m256i half_base = _mm256_set1_epi32(1 << base_bits >> 1), mask = _mm256_set1_epi32((1 << base_bits) - 1);
  const __m128i dropped_bits = _mm_cvtsi32_si128(static_cast<int>(dropped));
  const __m128i digit_bits = _mm_cvtsi32_si128(static_cast<int>(base_bits));
  for (size_t i = 0; i < kLaneWords; i += 8) {
    const __m256i word = _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes + i));
    const __m256i above = _mm256_cmpeq_epi32(_mm256_max_epu32(word, above_middle), word);
    __m256i rest = _mm256_sub_epi32(word, _mm256_and_si256(above, q));
    rest = _mm256_sra_epi32(_mm256_add_epi32(rest, rounding), dropped_bits);
    for (uint32_t digit = 0; digit < count; ++digit) {
      __m256i low = rest;
      if (digit + 1 < count) {
        low = _mm256_sub_epi32(_mm256_and_si256(_mm256_add_epi32(rest, half_base), mask), half_base);
        rest = _mm256_sra_epi32(_mm256_sub_epi32(rest, low), digit_bits);
      }
      const __m256i residue = _mm256_add_epi32(low, _mm256_and_si256(_mm256_srai_epi32(low, 31), q));
      _mm256_store_si256(reinterpret_cast<__m256i*>(digits + digit * kLaneWords + i), residue);
    }
  }
}

}  // namespace cwtch::kernels
