#include "kernels/choose.hpp"
#include "kernels/ring.hpp"
#include "kernels/ring_avx2.hpp"
#include "kernels/ring_avx512.hpp"
#include "kernels/ring_scalar.hpp"

namespace cwtch::kernels {
namespace {

constexpr RingTarget kTargets[] = {
    {"scalar", [] { return true; }, forward_scalar, inverse_scalar, multiply_add_scalar, hint_add_scalar, digits_scalar,
     scratch_scalar},
    {"avx2", ring_avx2_usable, forward_avx2, inverse_avx2, multiply_add_avx2, hint_add_avx2, digits_avx2, scratch_avx2},
    {"avx512", ring_avx512_usable, forward_avx512, inverse_avx512, multiply_add_avx512, hint_add_avx512, digits_avx512,
     scratch_avx512},
};

}  // namespace

const RingTarget* ring_targets(size_t* count) {
  *count = sizeof kTargets / sizeof *kTargets;
  return kTargets;
}

const RingTarget& ring() {
  static const RingTarget& chosen = choose(kTargets, sizeof kTargets / sizeof *kTargets);
  return chosen;
}

}  // namespace cwtch::kernels
