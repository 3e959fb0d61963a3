#include "kernels/pack_scalar.hpp"

namespace cwtch::kernels {

void pack_scalar(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
                 uint32_t* const* out) {
  for (size_t k = 0; k < count; ++k) {
    for (size_t slot = 0; slot < kDegree; ++slot) {
      const size_t half = slot / kHalfOrbit, place = slot % kHalfOrbit;
      const uint32_t* word = prepared + slot % kPackSlots;
      const auto doubled = [&](size_t i, size_t of_half) { return keys[k] + (2 * i + of_half) * kDoubledWords; };
      const uint32_t* y_prime = keys[k] + 2 * digits * kDoubledWords;
      uint32_t sum = 0;
      for (size_t j = 1; j < kHalfOrbit; ++j) {
        for (size_t i = 0; i < digits; ++i) {
          const uint32_t t = word[prepared_place(digits, slot / kPackSlots, j, i, false)];
          const uint32_t t_flipped = word[prepared_place(digits, slot / kPackSlots, j, i, true)];
          sum = add(sum, mul(t, doubled(i, half)[place + j - 1]));
          sum = add(sum, mul(t_flipped, doubled(i, 1 - half)[place + j - 1]));
        }
      }
      for (size_t i = 0; i < digits; ++i) {
        const uint32_t u = word[prepared_place(digits, slot / kPackSlots, 0, i, false)];
        sum = add(sum, mul(u, y_prime[i * kDegree + slot]));
      }
      out[k][slot] = sum;
    }
  }
}

}  // namespace cwtch::kernels
