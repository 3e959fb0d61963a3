// The definition of what kernels/scan.hpp's product is: written to be read.
#pragma once

#include "kernels/scan.hpp"

namespace cwtch::kernels {

void multiply_scalar(const TiledMatrix& matrix, const uint32_t* queries, size_t count, Modulus modulus,
                     BlockRange range, uint32_t* answers);

}  // namespace cwtch::kernels
