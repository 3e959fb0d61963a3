#include "kernels/scan_avx2.hpp"

#include <algorithm>

#include "kernels/avx2.hpp"
#include "kernels/scan_stripes.hpp"
#include "kernels/unroll.hpp"

// A word u stands for u or u - q (u - 2^32), whichever two digits of base 65536 from -32768 to 32767 can say: from
// -2147516416 to 2147450879, which is 2^32 numbers. With v that number, the halves of v + 0x80008000 are the digits +
// 32768.
//
// Of the four bytes of a row in a tile, VPMADDWD takes the first and third, and then the second and fourth, as 16-bit
// numbers. VPMADDUBSW would take all four with a byte of a digit, but 255 * 128 + 255 * 128 is more than it can say.
//
// Each digit has its own 32-bit sums, which are exact for a panel; a stripe's are 64-bit.
namespace cwtch::kernels {
namespace {

constexpr uint32_t kOfZero = 0x80008000;   // digits + 32768 of zero
constexpr uint32_t kWordMax = 2147450879;  // above: u - q
static_assert(kPanelColumns * 255 * 32768 < (uint64_t{1} << 31));
static_assert(int64_t{kWordMax} + 1 - kQ >= -2147516416 && kWordMax + kOfZero == 0xffffffff);

// A group of four columns has 16 bytes: both low digits that meet even bytes, both that meet odd bytes; likewise high
// ones.

uint64_t prepare(const uint32_t* words, size_t columns, Modulus modulus, uint8_t* digits) {
  auto* const halves = reinterpret_cast<uint16_t*>(digits);
  const uint32_t q = modulus == Modulus::q ? kQ : 0;
  uint64_t sum = 0;
  for (size_t column = 0; column < (columns + 15) / 16 * 16; ++column) {
    const uint32_t word = column < columns ? words[column] : 0;
    const uint32_t number = word > kWordMax ? word - q : word;
    const uint32_t digit = (number + kOfZero) ^ kOfZero;
    sum += word;
    uint16_t* const group = halves + column / 4 * 8 + column % 2 * 2 + column % 4 / 2;
    group[0] = static_cast<uint16_t>(digit);
    group[4] = static_cast<uint16_t>(digit >> 16);
  }
  return sum;
}

struct Rows8 {  // what one register of eight rows adds up, per digit
  __m256i low, high;
};

CWTCH_AVX2_INLINE void add(__m256i even, __m256i odd, const __m256i* digits, Rows8& sums) {
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(even, digits[0]));
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(even, digits[2]));
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(odd, digits[1]));
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(odd, digits[3]));
}

// to[0..3] += four sums of a low digit + 2^16 times those of a high digit.
CWTCH_AVX2_INLINE void add_wide(__m128i low, __m128i high, int64_t* to) {
  auto* const place = reinterpret_cast<__m256i*>(to);
  const __m256i sum = _mm256_add_epi64(_mm256_cvtepi32_epi64(low), _mm256_slli_epi64(_mm256_cvtepi32_epi64(high), 16));
  _mm256_store_si256(place, _mm256_add_epi64(_mm256_load_si256(place), sum));
}

using BlockSums = int64_t[kBlockRows];

constexpr int kRegisters = 4;  // of bytes at a time: 8 sums, 2 halves of bytes, 4 digits and a mask are 15 registers
constexpr size_t kRowsAtOnce = kRegisters * 8;
static_assert(kBlockRows == 2 * kRowsAtOnce);

// kRowsAtOnce rows of a panel. The other half of the rows lies in between, so that the processor does not see a stream
// to fetch ahead; asked for the same rows of the next panel, it does as well as with one.
CWTCH_AVX2_INLINE void dot(const uint8_t* tiles, size_t groups, const uint8_t* digits, int64_t* sums) {
  Rows8 rows[kRegisters];
  CWTCH_UNROLL for (Rows8& r : rows) r = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  const __m256i even_bytes = _mm256_set1_epi16(0xff);
  for (size_t group = 0; group < groups; ++group) {
    const uint8_t* const place = tiles + group * kBlockRows * 4;
    const char* const next = reinterpret_cast<const char*>(place) + kPanelColumns * kBlockRows;
    _mm_prefetch(next, _MM_HINT_T1);
    _mm_prefetch(next + 64, _MM_HINT_T1);
    __m256i factors[4];
    CWTCH_UNROLL for (int digit = 0; digit < 4; ++digit) {
      int two;
      __builtin_memcpy(&two, digits + group * 16 + digit * 4, sizeof two);
      factors[digit] = _mm256_set1_epi32(two);
    }
    CWTCH_UNROLL for (int i = 0; i < kRegisters; ++i) {
      const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(place + i * 32));
      add(_mm256_and_si256(bytes, even_bytes), _mm256_srli_epi16(bytes, 8), factors, rows[i]);
    }
  }
  CWTCH_UNROLL for (int i = 0; i < kRegisters; ++i) {
    const Rows8& r = rows[i];
    add_wide(_mm256_castsi256_si128(r.low), _mm256_castsi256_si128(r.high), sums + i * 8);
    add_wide(_mm256_extracti128_si256(r.low, 1), _mm256_extracti128_si256(r.high, 1), sums + i * 8 + 4);
  }
}

// Four answers plus four sums, modulo q.
CWTCH_AVX2_INLINE __m128i add_modulo_q(__m128i answers, __m256i sums, uint64_t offset) {
  const __m256i low_half = _mm256_set1_epi64x(0xffffffff), q = _mm256_set1_epi64x(kQ);
  __m256i value = _mm256_add_epi64(sums, _mm256_set1_epi64x(static_cast<int64_t>(offset)));
  CWTCH_UNROLL for (int i = 0; i < 2; ++i) {  // 2^32 is 2^20 - 1 modulo q: 2^52, 2^40, 2^33
    const __m256i high = _mm256_srli_epi64(value, 32), low = _mm256_and_si256(value, low_half);
    value = _mm256_add_epi64(low, _mm256_sub_epi64(_mm256_slli_epi64(high, 20), high));
  }
  value = _mm256_add_epi64(value, _mm256_cvtepu32_epi64(answers));
  CWTCH_UNROLL for (int i = 0; i < 2; ++i) {
    const __m256i below = _mm256_cmpgt_epi64(q, value);
    value = _mm256_sub_epi64(value, _mm256_andnot_si256(below, q));
  }
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(value, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
}

CWTCH_AVX2_INLINE void finish(const StripeQuery& query, const BlockSums& sums, Modulus modulus) {
  if (modulus == Modulus::two32) {
    for (size_t row = 0; row < kBlockRows; ++row) {
      query.answers[row] += static_cast<uint32_t>(sums[row]) + static_cast<uint32_t>(query.offset);
    }
    return;
  }
  for (size_t row = 0; row < kBlockRows; row += 4) {
    auto* const place = reinterpret_cast<__m128i*>(query.answers + row);
    const __m256i four = _mm256_load_si256(reinterpret_cast<const __m256i*>(sums + row));
    _mm_storeu_si128(place, add_modulo_q(_mm_loadu_si128(place), four, query.offset));
  }
}

CWTCH_AVX2 void accumulate_one(const uint8_t* tiles, size_t groups, const StripeQuery& query, Modulus modulus) {
  alignas(32) BlockSums sums = {};
  for (size_t group = 0; group < groups; group += kPanelColumns / 4) {
    const uint8_t* const panel = tiles + group * kBlockRows * 4;
    const uint8_t* const digits = query.digits + group * 16;
    const size_t panel_groups = std::min(groups - group, kPanelColumns / 4);
    dot(panel, panel_groups, digits, sums);
    dot(panel + kRowsAtOnce * 4, panel_groups, digits, sums + kRowsAtOnce);
  }
  finish(query, sums, modulus);
}

void accumulate(const uint8_t* tiles, size_t groups, const StripeQuery* queries, size_t count, Modulus modulus) {
  for (size_t i = 0; i < count; ++i) accumulate_one(tiles, groups, queries[i], modulus);
}

constexpr StripeKernel kKernel = {prepare, accumulate};

}  // namespace

bool scan_avx2_usable() { return __builtin_cpu_supports("avx2"); }

void multiply_avx2(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus, BlockRange range,
                   uint32_t* answers) {
  multiply_stripes(kKernel, matrix, queries, count, modulus, range, answers);
}

}  // namespace cwtch::kernels
