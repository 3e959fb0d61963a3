// Arithmetic modulo q = 2^32 - 2^20 + 1, the prime of every lattice scheme here: 32 bits wide, and 2^20 divides q - 1,
// so that polynomials of degree 1,024 have a number-theoretic transform.
//
// Everything is constant time: no branch and no index depends on a value.
// C++17 on purpose: nvcc reads this header too.
#pragma once

#include <cstdint>

namespace cwtch::kernels {

constexpr uint32_t kQ = 4293918721u;
static_assert(kQ == 0xFFFFFFFFu - (1u << 20) + 2);

constexpr uint32_t reduce(uint64_t value) { return static_cast<uint32_t>(value % kQ); }
constexpr uint32_t reduce_signed(int64_t value) {
  const int64_t rest = value % int64_t{kQ};
  return static_cast<uint32_t>(rest + (rest >> 63 & int64_t{kQ}));
}

// All arguments < q; so are the results.
constexpr uint32_t add(uint32_t a, uint32_t b) { return reduce(uint64_t{a} + b); }
constexpr uint32_t sub(uint32_t a, uint32_t b) { return reduce(uint64_t{a} + kQ - b); }
constexpr uint32_t negate(uint32_t a) { return sub(0, a); }
constexpr uint32_t mul(uint32_t a, uint32_t b) { return reduce(uint64_t{a} * b); }
// For public exponents.
constexpr uint32_t pow_vartime(uint32_t base, uint64_t exponent) {
  uint32_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = mul(result, base);
    base = mul(base, base);
  }
  return result;
}
constexpr uint32_t inverse(uint32_t a) { return pow_vartime(a, kQ - 2); }

// The representative in (-q/2, q/2].
constexpr int64_t centred(uint32_t a) {
  const int64_t above = (int64_t{kQ / 2} - a) >> 63;
  return int64_t{a} - (above & int64_t{kQ});
}

}  // namespace cwtch::kernels
