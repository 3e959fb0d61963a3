#include "kernels/scan_stripes.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace cwtch::kernels {
namespace {

constexpr std::align_val_t kLine{64};
struct Free {
  void operator()(uint8_t* bytes) const { ::operator delete(bytes, kLine); }
};
using Scratch = std::unique_ptr<uint8_t, Free>;
Scratch scratch(size_t bytes) { return Scratch(static_cast<uint8_t*>(::operator new(bytes, kLine))); }

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// The last block of a matrix may have fewer rows than a kernel writes.
void accumulate_part(const StripeKernel& kernel, const uint8_t* tiles, size_t groups, StripeQuery* queries,
                     size_t count, Modulus modulus, size_t rows) {
  alignas(64) uint32_t whole[kQueriesAtOnce][kBlockRows] = {};
  uint32_t* answers[kQueriesAtOnce];
  for (size_t i = 0; i < count; ++i) {
    answers[i] = queries[i].answers;
    std::memcpy(whole[i], answers[i], rows * sizeof(uint32_t));
    queries[i].answers = whole[i];
  }
  kernel.accumulate(tiles, groups, queries, count, modulus);
  for (size_t i = 0; i < count; ++i) std::memcpy(answers[i], whole[i], rows * sizeof(uint32_t));
}

void multiply_at_once(const StripeKernel& kernel, const TiledMatrix& matrix, const uint32_t* words, size_t count,
                      Modulus modulus, BlockRange range, uint32_t* answers) {
  const size_t stride = std::min(round_up(matrix.width(), 16), kStripeColumnsMax) * 4;  // of a query's digits
  const Scratch digits = scratch(count * stride);
  uint64_t offsets[kQueriesAtOnce];
  StripeQuery queries[kQueriesAtOnce];
  for (size_t stripe = 0; stripe < matrix.stripes(); ++stripe) {
    const size_t first = stripe * kStripeColumns;
    const size_t columns = std::min(matrix.stripe_columns(stripe), matrix.width() - first);
    for (size_t i = 0; i < count; ++i) {
      uint8_t* const to = digits.get() + i * stride;
      offsets[i] = 0 - 128 * kernel.prepare(words + i * matrix.width() + first, columns, modulus, to) +
                   (modulus == Modulus::q ? kPositive : 0);
    }
    for (size_t block = range.first; block < range.end; ++block) {
      const size_t row = block * kBlockRows;
      for (size_t i = 0; i < count; ++i) {
        queries[i] = {digits.get() + i * stride, offsets[i], answers + i * matrix.height() + row};
      }
      const uint8_t* const tiles = matrix.block(stripe * kStripePanels, block);
      const size_t groups = matrix.stripe_columns(stripe) / 4, rows = matrix.height() - row;
      if (rows >= kBlockRows) {
        kernel.accumulate(tiles, groups, queries, count, modulus);
      } else {
        accumulate_part(kernel, tiles, groups, queries, count, modulus, rows);
      }
    }
  }
}

}  // namespace

void multiply_stripes(const StripeKernel& kernel, const TiledMatrix& matrix, const uint32_t* queries, size_t count,
                      Modulus modulus, BlockRange range, uint32_t* answers) {
  const size_t first_row = range.first * kBlockRows, end_row = std::min(range.end * kBlockRows, matrix.height());
  if (first_row >= end_row) return;
  for (size_t i = 0; i < count; ++i) {
    std::memset(answers + i * matrix.height() + first_row, 0, (end_row - first_row) * sizeof(uint32_t));
  }
  for (size_t i = 0; i < count; i += kQueriesAtOnce) {
    multiply_at_once(kernel, matrix, queries + i * matrix.width(), std::min(kQueriesAtOnce, count - i), modulus, range,
                     answers + i * matrix.height());
  }
}

}  // namespace cwtch::kernels
