#include "kernels/scan_scalar.hpp"

namespace cwtch::kernels {

void multiply_scalar(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus,
                     BlockRange range, uint32_t* answers) {
  for (size_t query = 0; query < count; ++query) {
    for (size_t block = range.first; block < range.end; ++block) {
      int64_t sums[kBlockRows] = {};  // |sum| < 2^7 * 2^32 * width
      for (size_t panel = 0; panel < matrix.panels(); ++panel) {
        const uint8_t* tiles = matrix.block(panel, block);
        for (size_t c = 0; c < matrix.panel_columns(panel); ++c) {
          const size_t column = panel * kPanelColumns + c;
          const int64_t word = column < matrix.width() ? queries[query * matrix.width() + column] : 0;
          for (size_t row = 0; row < kBlockRows; ++row) {
            sums[row] += word * (tiles[c / 4 * kBlockRows * 4 + row * 4 + c % 4] - 128);
          }
        }
      }
      for (size_t row = 0; row < kBlockRows && block * kBlockRows + row < matrix.height(); ++row) {
        answers[query * matrix.height() + block * kBlockRows + row] =
            modulus == Modulus::q ? reduce_signed(sums[row]) : static_cast<uint32_t>(sums[row]);
      }
    }
  }
}

}  // namespace cwtch::kernels
