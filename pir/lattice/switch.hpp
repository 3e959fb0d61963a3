// From modulo q to fewer bits: what decryption does not need is not sent.
#pragma once

#include "kernels/modulus.hpp"

namespace cwtch::pir {

// round(value * 2^bits / q) modulo 2^bits. REQUIRES: value < q, bits < 32
constexpr uint32_t switch_modulus(uint32_t value, uint32_t bits) {
  const uint64_t scaled = (uint64_t{value} << bits) + kernels::kQ / 2;
  return static_cast<uint32_t>(scaled / kernels::kQ) & ((1u << bits) - 1);
}

}  // namespace cwtch::pir
