// kernels/ring.hpp by AVX-512 IFMA.
#pragma once

#include "kernels/ring.hpp"

namespace cwtch::kernels {

bool ring_avx512_usable();
void forward_avx512(uint32_t* lanes);
void inverse_avx512(uint32_t* lanes);
void multiply_add_avx512(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high);
void hint_add_avx512(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride,
                     const uint32_t* multiplier);
void digits_avx512(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped, uint32_t* digits);
Memory scratch_avx512();

}  // namespace cwtch::kernels
