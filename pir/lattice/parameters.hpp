// The parameter sets of the lattice schemes, pinned by name: a server can never negotiate them down.
//
// Security: learning with errors in dimension n = 1,024 over q = 2^32 - 2^20 + 1 with secret and error from the same
// discrete Gaussian. lattice-estimator (commit 27a581b, samples unlimited) gives for deviation 11: uSVP 133.0, BDD
// 128.4 bits; Core-SVP 102 classical, 93 quantum. Secrets are ring elements: RLWE with n = d.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/ring.hpp"

namespace cwtch::pir {

constexpr double kSigma = 11;     // of secrets and errors
constexpr uint32_t kPlain = 256;  // a byte, centred
constexpr uint32_t kDelta = kernels::kQ / kPlain;
constexpr uint32_t kHintBits = 20;    // of what multiplies the secret, after switching
constexpr uint32_t kAnswerBits = 12;  // of what does not

// A set whose name both sides pin.
struct Lattice {
  const char* name;
  uint32_t dropped_query_bits;  // of each query word: 4 leaves 28
  // InspiRING packing; digits = 0: none.
  uint32_t base_bits = 0, digits = 0, dropped_key_bits = 0;
};

// A toy ring (kernels/degree.hpp) has names of its own: it never meets a real one.
constexpr bool kToy = kernels::kDegree != 1024;
inline constexpr Lattice kSimplePir1{.name = kToy ? "simplepir-toy" : "simplepir-v1", .dropped_query_bits = 4};
inline constexpr Lattice kRing32{.name = kToy ? "ring32-toy" : "ring32-v1",
                                 .dropped_query_bits = 0,
                                 .base_bits = 6,
                                 .digits = 5,
                                 .dropped_key_bits = 2};

// E[d^2] of the centred bytes d that one row of a matrix holds. Records end in zeros, which are -128 when centred: at
// some offsets nearly every column holds the byte that makes the most noise.
constexpr double kRandomBytes = kPlain * kPlain / 12.0;
constexpr double kPadding = kPlain * kPlain / 4.0;

// Variances of the error of one decrypted coefficient, in units of 1 modulo q; each is one term of the sum.
struct Noise {
  double scan = 0;    // columns * (sigma^2 + rounding of the query) * E[d^2]
  double pack = 0;    // (d-1) * d * sigma^2 * E[digit^2] summed over the digits
  double drop = 0;    // of the bits that the digits leave out
  double change = 0;  // of modulus, for answer and hint

  double deviation() const { return std::sqrt(scan + pack + drop + change); }
  // How many deviations fit between a value and the next wrong one. Rule: at least 8.5.
  double margin() const { return kDelta / 2.0 / deviation(); }
  // That one coefficient is wrong, log2.
  double failure_log2() const;
};
Noise noise_of(const Lattice& lattice, uint64_t columns, double sigma = kSigma, double squares = kRandomBytes);

constexpr double kMarginMin = 8.5;
// Of a matrix: the largest power of two that leaves kMarginMin where every column is padding
// (docs/decisions/0004-columns.md).
uint64_t columns_max(const Lattice& lattice);

}  // namespace cwtch::pir
