// The toy ring has one target: transforms by vectors are written for the real degree.
#include "kernels/choose.hpp"
#include "kernels/ring_scalar.hpp"

namespace cwtch::kernels {
namespace {

constexpr RingTarget kScalar{"scalar",        [] { return true; }, forward_scalar, inverse_scalar, multiply_add_scalar,
                             hint_add_scalar, digits_scalar,       scratch_scalar};

}  // namespace

const RingTarget* ring_targets(size_t* count) {
  *count = 1;
  return &kScalar;
}

const RingTarget& ring() { return kScalar; }

}  // namespace cwtch::kernels
