// The inner loop of every lattice scheme here: a matrix of bytes times vectors of 32-bit words.
//
//   answer[q][r] = sum over c of (byte[r][c] - 128) * query[q][c]      modulo 2^32 or modulo q
//
// Bytes are centred because a decryption's noise grows with their squares. A column is one row of a database (one
// padded record); `height` is its bytes, `width` the number of records. Read once, as one stream, whatever the number
// of queries.
//
// Layout: stripes of kStripeColumns columns, of which the last has what is left: from half a stripe to less than one
// and a half, or all of a narrow matrix, always a multiple of 4. In a stripe, blocks of kBlockRows rows; in a block,
// panels of kPanelColumns columns (the last may be narrower); in a panel, for every 4 columns, kBlockRows / 16 tiles of
// 64 bytes: 16 rows times 4 columns, so that VPDPBUSD takes a tile as it is. Columns that do not exist hold 128, which
// counts as nothing; so do rows beyond `height`.
//
// A stripe's width is a compromise: a block of it is multiplied by many queries while it is in the second-level cache,
// and so is each query's part; sums are reduced once per block of a stripe, which 1,024 columns make little of.
//
// Thread: a matrix may be read by any number of threads. C++17 on purpose: nvcc reads this header too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/degree.hpp"
#include "kernels/modulus.hpp"

namespace cwtch::kernels {

constexpr size_t kStripePanels = 4;
constexpr size_t kStripeColumns = kStripePanels * kPanelColumns;
constexpr size_t kStripeColumnsMax = kStripeColumns + kStripeColumns / 2;
constexpr size_t kBlockRows = 64;
constexpr size_t kTileRows = 16;
constexpr size_t kTileBytes = 64;

enum class Modulus : uint8_t { two32, q };

// Owns the tiles, on huge pages where the system has them.
class TiledMatrix {
 public:
  TiledMatrix(size_t height, size_t width);
  TiledMatrix(TiledMatrix&& other) noexcept;
  TiledMatrix& operator=(TiledMatrix&& other) noexcept;
  ~TiledMatrix();

  // `bytes`: `height` of them. REQUIRES: column < width(). Different columns of different groups of four may be set by
  // different threads.
  void set_column(size_t column, const uint8_t* bytes);
  // `count` columns from `first` on; bytes[i]: `height` of them. Groups of four are set half as fast again as single
  // columns.
  void set_columns(size_t first, size_t count, const uint8_t* const* bytes);
  void column(size_t column, uint8_t* bytes) const;

  size_t height() const { return height_; }
  size_t width() const { return width_; }
  size_t blocks() const { return blocks_; }  // of kBlockRows rows
  size_t bytes() const { return bytes_; }    // that multiply() reads
  size_t panels() const { return (stored_width_ + kPanelColumns - 1) / kPanelColumns; }
  size_t panel_columns(size_t panel) const {  // stored, a multiple of 4
    const size_t first = panel * kPanelColumns;
    return stored_width_ - first < kPanelColumns ? stored_width_ - first : kPanelColumns;
  }
  size_t stripes() const {
    return stored_width_ < kStripeColumns ? stored_width_ > 0 : (stored_width_ + kStripeColumns / 2) / kStripeColumns;
  }
  size_t stripe_columns(size_t stripe) const {  // stored, a multiple of 4
    return stripe + 1 < stripes() ? kStripeColumns : stored_width_ - stripe * kStripeColumns;
  }
  // panel_columns() / 4 groups of kBlockRows * 4 bytes. The next panel of the same stripe follows; after the stripe's
  // last, the next block of its first.
  const uint8_t* block(size_t panel, size_t block) const {
    const size_t stripe = panel / kStripePanels < stripes() ? panel / kStripePanels : stripes() - 1;
    const size_t before = stripe * kStripeColumns * blocks_ + block * stripe_columns(stripe);
    return tiles_ + (before + (panel - stripe * kStripePanels) * kPanelColumns) * kBlockRows;
  }

 private:
  size_t group(size_t block_number, size_t column) const;  // where the four columns that `column` is in begin

  size_t height_ = 0, width_ = 0, stored_width_ = 0, blocks_ = 0, bytes_ = 0;
  uint8_t* tiles_ = nullptr;
};

// Which blocks of rows: threads share a product by taking different ones.
struct BlockRange {
  size_t first = 0, end = 0;
};

struct ScanTarget {
  const char* name;
  bool (*usable)();
  // queries: `count` vectors of matrix.width() words (modulo q: each < q); answers: `count` vectors of matrix.height()
  // words, of which the rows in `range` are written, fully reduced.
  void (*multiply)(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus, BlockRange range,
                   uint32_t* answers);
};

// Slowest first; "scalar" defines what is right.
const ScanTarget* scan_targets(size_t* count);
// The last usable one, or the one that CWTCH_KERNEL names. Aborts with a message when that one is unknown or cannot
// run.
const ScanTarget& scan();

}  // namespace cwtch::kernels
