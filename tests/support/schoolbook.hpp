// The ring Z_q[X]/(X^d + 1) as textbooks have it: coefficients, products term by term. What transforms are tested by.
#pragma once

#include <vector>

#include "kernels/ring.hpp"

namespace cwtch::test {

using Coefficients = std::vector<uint32_t>;  // kDegree of them, modulo q

inline Coefficients zero() { return Coefficients(kernels::kDegree); }

inline Coefficients sum(const Coefficients& a, const Coefficients& b) {
  Coefficients result = a;
  for (size_t i = 0; i < kernels::kDegree; ++i) result[i] = kernels::add(a[i], b[i]);
  return result;
}
inline Coefficients product(const Coefficients& a, const Coefficients& b) {
  Coefficients result = zero();
  for (size_t i = 0; i < kernels::kDegree; ++i) {
    if (a[i] == 0) continue;
    for (size_t j = 0; j < kernels::kDegree; ++j) {
      const uint32_t term = kernels::mul(a[i], b[j]);
      uint32_t& at = result[(i + j) % kernels::kDegree];
      at = i + j < kernels::kDegree ? kernels::add(at, term) : kernels::sub(at, term);  // X^d = -1
    }
  }
  return result;
}
// X -> X^g, g odd.
inline Coefficients automorphism(const Coefficients& a, uint64_t g) {
  Coefficients result = zero();
  for (size_t i = 0; i < kernels::kDegree; ++i) {
    const uint64_t exponent = i * g % (2 * kernels::kDegree);
    result[exponent % kernels::kDegree] = exponent < kernels::kDegree ? a[i] : kernels::negate(a[i]);
  }
  return result;
}
inline uint64_t power_of_five(uint64_t exponent) {
  uint64_t power = 1;
  for (uint64_t i = 0; i < exponent; ++i) power = power * 5 % (2 * kernels::kDegree);
  return power;
}
// Values at the odd powers of psi, in the order of slots, and back: sums, not transforms.
struct PsiPowers {
  uint32_t power[2 * kernels::kDegree];
  PsiPowers() {
    power[0] = 1;
    for (size_t i = 1; i < 2 * kernels::kDegree; ++i) power[i] = kernels::mul(power[i - 1], kernels::kPsi);
  }
};
inline const PsiPowers& psi_powers() {
  static const PsiPowers powers;
  return powers;
}
inline Coefficients to_slots(const Coefficients& a) {
  Coefficients slots = zero();
  for (uint32_t slot = 0; slot < kernels::kDegree; ++slot) {
    const uint64_t e = kernels::exponent_of_slot(slot);
    for (size_t i = 0; i < kernels::kDegree; ++i) {
      const uint32_t power = psi_powers().power[e * i % (2 * kernels::kDegree)];
      slots[slot] = kernels::add(slots[slot], kernels::mul(a[i], power));
    }
  }
  return slots;
}
inline Coefficients from_slots(const uint32_t* slots) {
  constexpr uint32_t degree_inverse = kernels::inverse(kernels::kDegree);
  Coefficients a = zero();
  for (size_t i = 0; i < kernels::kDegree; ++i) {
    for (uint32_t slot = 0; slot < kernels::kDegree; ++slot) {
      const uint64_t e = 2 * kernels::kDegree - kernels::exponent_of_slot(slot);
      a[i] = kernels::add(a[i], kernels::mul(slots[slot], psi_powers().power[e * i % (2 * kernels::kDegree)]));
    }
    a[i] = kernels::mul(a[i], degree_inverse);
  }
  return a;
}

}  // namespace cwtch::test
