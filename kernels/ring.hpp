// The ring Z_q[X]/(X^d + 1), d = 1,024 except in tests/toy, in the form that processors like: sixteen polynomials at
// once, coefficient by coefficient, so that no transform ever shuffles a vector.
//
//   lanes[i * kLanes + l]   coefficient i, or slot i, of polynomial l; always < q
//
// Slots: slot i of a transformed polynomial is its value at psi^(2 * reversed(i) + 1), where reversed() reverses
// log2 d bits and psi = kPsi has order 2d. This order is part of what client and server agree upon (docs/pir).
//
// Thread: any; pure. C++17 on purpose: nvcc reads this header too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/degree.hpp"
#include "kernels/modulus.hpp"

namespace cwtch::kernels {

constexpr size_t kLanes = 16;
constexpr size_t kLaneWords = kDegree * kLanes;  // of sixteen polynomials
constexpr size_t kHalfOrbit = kDegree / 2;

constexpr uint32_t kGenerator = 19;  // of the multiplicative group modulo q
constexpr uint32_t kPsi = pow_vartime(kGenerator, (kQ - 1) / (2 * kDegree));
static_assert(pow_vartime(kPsi, kDegree) == kQ - 1, "psi^d = -1");

constexpr uint32_t reversed(uint32_t i) {
  uint32_t r = 0;
  for (uint32_t bit = 0; bit < kDegreeLog2; ++bit) r |= (i >> bit & 1) << (kDegreeLog2 - 1 - bit);
  return r;
}
// The odd exponent e, modulo 2d, of the slot that holds the value at psi^e; and back.
constexpr uint32_t exponent_of_slot(uint32_t slot) { return 2 * reversed(slot) + 1; }
constexpr uint32_t slot_of_exponent(uint32_t exponent) { return reversed(exponent % (2 * kDegree) / 2); }

// The orbit order of slots: first the powers 5^0 ... 5^(d/2 - 1) as exponents, then their negatives. X -> X^5 turns
// each half by one place, X -> X^-1 exchanges the halves: automorphisms are moves of contiguous words.
struct Orbit {
  uint16_t slot[kDegree];  // slot[o]: the slot at orbit place o
};
const Orbit& orbit();

struct Memory {
  void* bytes;
  size_t size;
};

// One implementation of everything that works on sixteen polynomials. All yield the same words.
struct RingTarget {
  const char* name;
  bool (*usable)();

  // Coefficients to slots and back, in place.
  void (*forward)(uint32_t* lanes);
  void (*inverse)(uint32_t* lanes);

  // sum += x * w in every slot. Lanes 0 to 7 take w from `low`, lanes 8 to 15 from `high`: kDegree words each.
  void (*multiply_add)(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high);

  // Adds one block of kDegree columns to the hints of sixteen rows: sum += forward(bytes - 128) * multiplier, slot by
  // slot. `tiles`: the rows' bytes in each of its panels (kernels/scan.hpp): row r, column c of panel p at
  // tiles[p][c / 4 * stride + r * 4 + c % 4]; stride a multiple of 64, tiles 64-byte aligned.
  void (*hint_add)(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride, const uint32_t* multiplier);

  // Signed digits of every coefficient, centred, base 2^base_bits, `count` of them, the lowest `dropped` bits rounded
  // away: v = centred(x); v' = (v + 2^(dropped-1)) >> dropped; digit i lies in [-2^(base_bits-1), 2^(base_bits-1)) but
  // the last, which keeps what is left. digits: `count` times kLaneWords, each word modulo q.
  void (*digits)(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped, uint32_t* digits);

  // The calling thread's memory in which the others leave what they worked on. Who hands them secrets wipes it.
  Memory (*scratch)();
};

// Slowest first; "scalar" defines what is right.
const RingTarget* ring_targets(size_t* count);
// The last usable one, or the one that CWTCH_KERNEL names. Aborts with a message when that one is unknown or cannot
// run.
const RingTarget& ring();

}  // namespace cwtch::kernels
