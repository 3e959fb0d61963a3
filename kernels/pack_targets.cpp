#include <cstring>

#include "kernels/choose.hpp"
#include "kernels/pack.hpp"
#include "kernels/pack_avx2.hpp"
#include "kernels/pack_avx512.hpp"
#include "kernels/pack_scalar.hpp"

namespace cwtch::kernels {
namespace {

constexpr PackTarget kTargets[] = {
    {"scalar", [] { return true; }, pack_scalar},
    {"avx2", pack_avx2_usable, pack_avx2},
    {"avx512", pack_avx512_usable, pack_avx512},
};

}  // namespace

const PackTarget* pack_targets(size_t* count) {
  *count = sizeof kTargets / sizeof *kTargets;
  return kTargets;
}

const PackTarget& pack() {
  static const PackTarget& chosen = choose(kTargets, sizeof kTargets / sizeof *kTargets);
  return chosen;
}

void pack_key(size_t digits, const uint32_t* y, const uint32_t* y_prime, uint32_t* key) {
  for (size_t i = 0; i < digits; ++i) {
    for (size_t half = 0; half < 2; ++half) {
      const uint32_t* from = y + i * kDegree + half * kHalfOrbit;
      uint32_t* to = key + (2 * i + half) * kDoubledWords;
      for (size_t place = 0; place < kDoubledWords; ++place) to[place] = from[place % kHalfOrbit];
    }
  }
  std::memcpy(key + 2 * digits * kDoubledWords, y_prime, digits * kDegree * sizeof *y_prime);
}

}  // namespace cwtch::kernels
