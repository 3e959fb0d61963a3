// The definition of what kernels/pack.hpp's sum is: written to be read.
#pragma once

#include "kernels/pack.hpp"

namespace cwtch::kernels {

void pack_scalar(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
                 uint32_t* const* out);

}  // namespace cwtch::kernels
