// kernels/pack.hpp by AVX2.
#pragma once

#include "kernels/pack.hpp"

namespace cwtch::kernels {

bool pack_avx2_usable();
void pack_avx2(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
               uint32_t* const* out);

}  // namespace cwtch::kernels
