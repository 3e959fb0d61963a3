// The scan by VPMADDWD: two products of 16-bit numbers added, in eight lanes. Exact where VPMADDUBSW would saturate.
#pragma once

#include "kernels/scan.hpp"

namespace cwtch::kernels {

bool scan_avx2_usable();
void multiply_avx2(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus, BlockRange range,
                   uint32_t* answers);

}  // namespace cwtch::kernels
