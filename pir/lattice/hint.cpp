#include "pir/lattice/hint.hpp"

#include <algorithm>
#include <cstring>

namespace cwtch::pir {

using kernels::kBlockPanels;
using kernels::kDegree;
using kernels::kLanes;
using kernels::kLaneWords;

namespace {

constexpr size_t kStride = kernels::kBlockRows * 4;     // of a matrix, between groups of four columns
constexpr size_t kGroups = kernels::kPanelColumns / 4;  // of four columns in a whole panel

// The tiles of sixteen rows of one block of columns. What lies beyond the matrix is copied, filled up with columns that
// count as nothing.
class BlockTiles {
 public:
  BlockTiles(const kernels::TiledMatrix& matrix, size_t block, size_t rows) {
    const size_t row_block = rows / kernels::kBlockRows;
    const size_t tile = rows % kernels::kBlockRows / kernels::kTileRows * kernels::kTileBytes;
    for (size_t i = 0; i < kBlockPanels; ++i) {
      const size_t panel = block * kBlockPanels + i;
      const size_t columns = panel < matrix.panels() ? matrix.panel_columns(panel) : 0;
      const uint8_t* const from = columns > 0 ? matrix.block(panel, row_block) + tile : nullptr;
      tiles_[i] = columns == kernels::kPanelColumns ? from : filled_up(from, columns / 4, i);
    }
  }
  const uint8_t* const* tiles() const { return tiles_; }

 private:
  const uint8_t* filled_up(const uint8_t* from, size_t groups, size_t i) {
    if (copies_.empty()) copies_.resize(kBlockPanels * kGroups * kStride / sizeof(uint32_t), 0x80808080u);
    auto* const to = reinterpret_cast<uint8_t*>(copies_.data()) + i * kGroups * kStride;
    for (size_t group = 0; group < groups; ++group) {
      std::memcpy(to + group * kStride, from + group * kStride, kernels::kTileBytes);
    }
    return to;
  }

  const uint8_t* tiles_[kBlockPanels];
  Words copies_;
};

}  // namespace

Words structured_hint(const kernels::TiledMatrix& matrix, const DrawBlock& draw, const Parallel& parallel) {
  const size_t blocks = (matrix.width() + kDegree - 1) / kDegree;

  // X -> X^-1 is applied to a_b instead of every row: hint(X^-1) = sum of D * a(X^-1), turned round at the end.
  Words multipliers(blocks * kDegree), drawn(kDegree);
  uint16_t place[kDegree];
  for (uint32_t slot = 0; slot < kDegree; ++slot) {
    place[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(2 * kDegree - kernels::exponent_of_slot(slot)));
  }
  for (size_t block = 0; block < blocks; ++block) {
    draw(0, block, Polynomial(drawn.data(), kDegree));
    for (size_t slot = 0; slot < kDegree; ++slot) multipliers[block * kDegree + slot] = drawn[place[slot]];
  }

  const size_t groups = (matrix.height() + kLanes - 1) / kLanes;
  constexpr size_t kTogether = kernels::kBlockRows / kLanes;  // groups whose tiles lie side by side
  Words hint(groups * kLaneWords);
  parallel((groups + kTogether - 1) / kTogether, [&](size_t task) {
    const size_t first = task * kTogether, end = std::min(groups, first + kTogether);
    Words sums((end - first) * kLaneWords);
    for (size_t block = 0; block < blocks; ++block) {
      for (size_t group = first; group < end; ++group) {
        const BlockTiles tiles(matrix, block, group * kLanes);
        kernels::ring().hint_add(&sums[(group - first) * kLaneWords], tiles.tiles(), kStride,
                                 &multipliers[block * kDegree]);
      }
    }
    for (size_t group = first; group < end; ++group) {
      for (size_t slot = 0; slot < kDegree; ++slot) {
        std::copy_n(&sums[(group - first) * kLaneWords + place[slot] * kLanes], kLanes,
                    &hint[group * kLaneWords + slot * kLanes]);
      }
    }
  });
  return hint;
}

void hint_coefficients(Words& hint, const Parallel& parallel) {
  parallel(hint.size() / kLaneWords, [&](size_t group) { kernels::ring().inverse(&hint[group * kLaneWords]); });
}

}  // namespace cwtch::pir
