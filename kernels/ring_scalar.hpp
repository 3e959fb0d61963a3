// The definition of what kernels/ring.hpp's operations yield: written to be read.
#pragma once

#include "kernels/ring.hpp"

namespace cwtch::kernels {

void forward_scalar(uint32_t* lanes);
void inverse_scalar(uint32_t* lanes);
void multiply_add_scalar(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high);
void hint_add_scalar(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride,
                     const uint32_t* multiplier);
void digits_scalar(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped, uint32_t* digits);
Memory scratch_scalar();

}  // namespace cwtch::kernels
