// The scan over rows as a log has them, one record after the other: what a server would do that keeps no second copy in
// tiles (kernels/scan.hpp). By AVX-512 VNNI, as well as we know how; the bench's business only.
//
// Way: stripes of 32 records; of those, 64 bytes of each at a time are turned into tiles in the first-level cache, and
// multiplied by all queries there, while the next stripe is fetched in order. Wider stripes gain nothing with sixteen
// queries and lose half of the speed with one.
#pragma once

#include "engine/core/aligned_memory.hpp"
#include "kernels/scan.hpp"

namespace cwtch::bench {

class RowMajor {
 public:
  static constexpr size_t kStripe = 32;
  static constexpr size_t kWidthMax = 65'536;  // sums of products of bytes have 32 bits

  // The columns of `matrix`. REQUIRES: its height is a multiple of 64, its width one of kStripe and at most
  // kWidthMax.
  explicit RowMajor(const kernels::TiledMatrix& matrix);

  // As ScanTarget::multiply, modulo q and of all rows. REQUIRES: has_vnni()
  void multiply(const uint32_t* queries, size_t count, uint32_t* answers) const;

  size_t bytes() const { return height_ * width_; }

 private:
  const size_t height_, width_;
  AlignedMemory records_;
};

}  // namespace cwtch::bench
