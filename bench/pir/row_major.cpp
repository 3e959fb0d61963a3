#include "bench/pir/row_major.hpp"

#include <immintrin.h>

#include <cstring>
#include <vector>

#include "engine/core/check.hpp"
#include "kernels/unroll.hpp"

#define CWTCH_AVX512 __attribute__((target("avx512f,avx512bw,avx512vnni")))

namespace cwtch::bench {
namespace {

using kernels::kTileBytes;

constexpr size_t kLine = 64;  // bytes of a record at a time: four tiles of sixteen rows
constexpr int kTiles = kLine / kernels::kTileRows, kDigits = 4;
constexpr size_t kGroups = RowMajor::kStripe / 4;  // of four records

// Digits of base 256 from -128 to 127, as the scan's own (kernels/scan_avx512.cpp): 16 bytes for four words.
struct Query {
  std::vector<uint8_t> digits;
  uint64_t sum = 0;

  Query(const uint32_t* words, size_t width) : digits(width * 4) {
    constexpr uint32_t kOfZero = 0x80808080, kWordMax = 2139062143;
    for (size_t column = 0; column < width; ++column) {
      const uint32_t number = words[column] > kWordMax ? words[column] - kernels::kQ : words[column];
      const uint32_t four = (number + kOfZero) ^ kOfZero;
      for (size_t digit = 0; digit < kDigits; ++digit) {
        digits[column / 4 * 16 + digit * 4 + column % 4] = static_cast<uint8_t>(four >> 8 * digit);
      }
      sum += words[column];
    }
  }
};

// A line of each record of a stripe. Four lines become four tiles; a tile's rows are those of a quarter of each 16
// bytes of the line, so that no byte crosses a 128-bit lane: row_of() says which.
CWTCH_AVX512 void to_tiles(const uint8_t* line, size_t height, uint8_t* tiles) {
  for (size_t group = 0; group < kGroups; ++group, line += 4 * height, tiles += kTiles * kTileBytes) {
    const __m512i a = _mm512_load_si512(line), b = _mm512_load_si512(line + height);
    const __m512i c = _mm512_load_si512(line + 2 * height), d = _mm512_load_si512(line + 3 * height);
    const __m512i ab[] = {_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)};
    const __m512i cd[] = {_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d)};
    CWTCH_UNROLL for (int half = 0; half < 2; ++half) {
      _mm512_store_si512(tiles + 2 * half * kTileBytes, _mm512_unpacklo_epi16(ab[half], cd[half]));
      _mm512_store_si512(tiles + (2 * half + 1) * kTileBytes, _mm512_unpackhi_epi16(ab[half], cd[half]));
    }
  }
}
constexpr size_t row_of(size_t tile, size_t row) { return row / 4 * 16 + tile * 4 + row % 4; }

// What the rows of one line add up, per tile and digit: exact up to kWidthMax columns.
using Sums = __m512i[kTiles][kDigits];
static_assert(RowMajor::kWidthMax * 255 * 128 < (uint64_t{1} << 31));

CWTCH_AVX512 void dot(const uint8_t* tiles, const uint8_t* digits, Sums& sums) {
  Sums of;
  CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
    CWTCH_UNROLL for (int digit = 0; digit < kDigits; ++digit) of[tile][digit] = sums[tile][digit];
  }
  for (size_t group = 0; group < kGroups; ++group) {
    CWTCH_UNROLL for (int digit = 0; digit < kDigits; ++digit) {
      int four;
      std::memcpy(&four, digits + group * 16 + digit * 4, sizeof four);
      CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
        const __m512i bytes = _mm512_load_si512(tiles + (group * kTiles + tile) * kTileBytes);
        of[tile][digit] = _mm512_dpbusd_epi32(of[tile][digit], bytes, _mm512_set1_epi32(four));
      }
    }
  }
  CWTCH_UNROLL for (int tile = 0; tile < kTiles; ++tile) {
    CWTCH_UNROLL for (int digit = 0; digit < kDigits; ++digit) sums[tile][digit] = of[tile][digit];
  }
}

// Of row `row` of the line, tile by tile.
int64_t total(const Sums& sums, size_t row) {
  int64_t value = 0;
  for (int digit = 0; digit < kDigits; ++digit) {
    int32_t rows[16];
    std::memcpy(rows, &sums[row / 16][digit], sizeof rows);
    value += rows[row % 16] * (int64_t{1} << 8 * digit);
  }
  return value;
}

}  // namespace

RowMajor::RowMajor(const kernels::TiledMatrix& matrix)
    : height_(matrix.height()), width_(matrix.width()), records_(height_ * width_) {
  CHECK(height_ % kLine == 0 && width_ % kStripe == 0 && width_ <= kWidthMax);
  for (size_t column = 0; column < width_; ++column) matrix.column(column, records_.data() + column * height_);
}

void RowMajor::multiply(const uint32_t* words, size_t count, uint32_t* answers) const {
  std::vector<Query> queries;
  for (size_t i = 0; i < count; ++i) queries.emplace_back(words + i * width_, width_);
  const size_t lines = height_ / kLine;
  const AlignedMemory memory(count * lines * sizeof(Sums));
  auto* const sums = reinterpret_cast<Sums*>(memory.data());
  std::memset(sums, 0, memory.size());
  alignas(64) uint8_t tiles[kStripe * kLine];
  for (size_t column = 0; column < width_; column += kStripe) {
    const uint8_t* const records = records_.data() + column * height_;
    for (size_t line = 0; line < lines; ++line) {
      const uint8_t* const next = records + kStripe * (height_ + line * kLine);
      for (size_t at = 0; at < kStripe * kLine; at += kLine) __builtin_prefetch(next + at, 0, 2);
      to_tiles(records + line * kLine, height_, tiles);
      for (size_t i = 0; i < count; ++i) dot(tiles, &queries[i].digits[column * 4], sums[i * lines + line]);
    }
  }
  for (size_t i = 0; i < count; ++i) {
    const int64_t offset = 128 * static_cast<int64_t>(queries[i].sum);
    for (size_t line = 0; line < lines; ++line) {
      for (size_t row = 0; row < kLine; ++row) {
        const size_t place = line * kLine + row_of(row / 16, row % 16);
        answers[i * height_ + place] = kernels::reduce_signed(total(sums[i * lines + line], row) - offset);
      }
    }
  }
}

}  // namespace cwtch::bench
