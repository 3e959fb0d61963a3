#include <sys/mman.h>

#include <cstring>
#include <new>
#include <utility>

#include "kernels/scan.hpp"

namespace cwtch::kernels {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

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

size_t TiledMatrix::place(size_t row, size_t column) const {
  const size_t in_panel = column % kPanelColumns;
  return static_cast<size_t>(block(column / kPanelColumns, row / kBlockRows) - tiles_) + in_panel / 4 * kBlockRows * 4 +
         row % kBlockRows * 4 + in_panel % 4;
}

void TiledMatrix::set_column(size_t column, const uint8_t* bytes) {
  for (size_t row = 0; row < height_; ++row) tiles_[place(row, column)] = bytes[row];
}

void TiledMatrix::column(size_t column, uint8_t* bytes) const {
  for (size_t row = 0; row < height_; ++row) bytes[row] = tiles_[place(row, column)];
}

}  // namespace cwtch::kernels
