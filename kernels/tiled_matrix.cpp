#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "kernels/scan.hpp"

namespace cwtch::kernels {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// One row of four columns is written as one word: half as fast again as byte by byte.
void set_four(uint8_t* to, const uint8_t* const* columns, size_t first_row, size_t rows) {
  const uint8_t* const a = columns[0] + first_row;
  const uint8_t* const b = columns[1] + first_row;
  const uint8_t* const c = columns[2] + first_row;
  const uint8_t* const d = columns[3] + first_row;
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t four[4] = {a[row], b[row], c[row], d[row]};
    std::memcpy(to + row * 4, four, sizeof four);
  }
}

}  // namespace

TiledMatrix::TiledMatrix(size_t height, size_t width)
    : height_(height),
      width_(width),
      stored_width_(round_up(width, 4)),
      blocks_(round_up(height, kBlockRows) / kBlockRows) {
  bytes_ = stored_width_ * blocks_ * kBlockRows;
  const size_t allocated = round_up(bytes_, kHugePage);
  if (allocated == 0) return;
  tiles_ = static_cast<uint8_t*>(::operator new (allocated, std::align_val_t{kHugePage}));
  madvise(tiles_, allocated, MADV_HUGEPAGE);  // without huge pages the scan reads a tenth less per second
  std::memset(tiles_, 128, bytes_);
}

TiledMatrix::TiledMatrix(TiledMatrix&& other) noexcept { *this = std::move(other); }

TiledMatrix& TiledMatrix::operator=(TiledMatrix&& other) noexcept {
  std::swap(height_, other.height_);
  std::swap(width_, other.width_);
  std::swap(stored_width_, other.stored_width_);
  std::swap(blocks_, other.blocks_);
  std::swap(bytes_, other.bytes_);
  std::swap(tiles_, other.tiles_);
  return *this;
}

TiledMatrix::~TiledMatrix() {
  if (tiles_ != nullptr) ::operator delete (tiles_, std::align_val_t{kHugePage});
}

size_t TiledMatrix::group(size_t block_number, size_t column) const {
  const auto panel = static_cast<size_t>(block(column / kPanelColumns, block_number) - tiles_);
  return panel + column % kPanelColumns / 4 * kBlockRows * 4;
}

void TiledMatrix::set_column(size_t column, const uint8_t* bytes) {
  for (size_t first = 0; first < height_; first += kBlockRows) {
    uint8_t* const to = tiles_ + group(first / kBlockRows, column) + column % 4;
    const size_t rows = std::min(kBlockRows, height_ - first);
    for (size_t row = 0; row < rows; ++row) to[row * 4] = bytes[first + row];
  }
}

void TiledMatrix::set_columns(size_t first, size_t count, const uint8_t* const* bytes) {
  const size_t before = std::min(count, round_up(first, 4) - first);
  const size_t end = before + (count - before) / 4 * 4;
  for (size_t i = 0; i < before; ++i) set_column(first + i, bytes[i]);
  for (size_t row = 0; row < height_; row += kBlockRows) {
    const size_t rows = std::min(kBlockRows, height_ - row);
    for (size_t i = before; i < end; i += 4)
      set_four(tiles_ + group(row / kBlockRows, first + i), bytes + i, row, rows);
  }
  for (size_t i = end; i < count; ++i) set_column(first + i, bytes[i]);
}

void TiledMatrix::column(size_t column, uint8_t* bytes) const {
  for (size_t first = 0; first < height_; first += kBlockRows) {
    const uint8_t* const from = tiles_ + group(first / kBlockRows, column) + column % 4;
    const size_t rows = std::min(kBlockRows, height_ - first);
    for (size_t row = 0; row < rows; ++row) bytes[first + row] = from[row * 4];
  }
}

}  // namespace cwtch::kernels
