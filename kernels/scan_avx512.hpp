// The scan by VPDPBUSD: four products of a byte and a signed byte added to a 32-bit sum, in sixteen lanes.
#pragma once

#include "kernels/scan.hpp"

namespace cwtch::kernels {

bool scan_avx512_usable();
void multiply_avx512(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus,
                     BlockRange range, uint32_t* answers);

}  // namespace cwtch::kernels
