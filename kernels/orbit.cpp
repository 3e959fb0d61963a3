#include "kernels/ring.hpp"

namespace cwtch::kernels {

const Orbit& orbit() {
  static const Orbit order = [] {
    Orbit made{};
    uint32_t power = 1;
    for (size_t o = 0; o < kHalfOrbit; ++o) {
      made.slot[o] = static_cast<uint16_t>(slot_of_exponent(power));
      made.slot[kHalfOrbit + o] = static_cast<uint16_t>(slot_of_exponent(2 * kDegree - power));
      power = power * 5 % (2 * kDegree);
    }
    return made;
  }();
  return order;
}

}  // namespace cwtch::kernels
