// The online half of InspiRING packing (InsPIRe, section on packing; pir/ring32/README.md): a client's key times what
// the server has prepared, slot by slot.
//
//   out[s] = sum over j, i of  t[j][i][s] * rotate(y[i], j - 1)[s]  +  t'[j][i][s] * rotate(flip(y[i]), j - 1)[s]
//          + sum over i of     u[i][s]    * y'[i][s]                                          1 <= j < d/2, i < digits
//
// Slots are in orbit order (kernels/ring.hpp), so that rotate() and flip() are moves of contiguous words.
//
// Prepared: for every kPackSlots slots, in order: for j = 1 ... d/2 - 1, for each i: t, t'; then for each i: u;
// kPackSlots words each. One stream, read once for all keys.
//
// Thread: any; pure. C++17 on purpose: nvcc reads this header too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/ring.hpp"

namespace cwtch::kernels {

constexpr size_t kPackSlots = 16;
static_assert(kHalfOrbit % kPackSlots == 0);
constexpr size_t prepared_words(size_t digits) { return (kDegree - 1) * digits * kDegree; }
// Of word `lane` of entry (j, i, flipped) of the slots from `slot_block` * kPackSlots on; j = 0: u.
constexpr size_t prepared_place(size_t digits, size_t slot_block, size_t j, size_t i, bool flipped) {
  const size_t entry = j == 0 ? (kHalfOrbit - 1) * digits * 2 + i : ((j - 1) * digits + i) * 2 + (flipped ? 1 : 0);
  return (slot_block * (kDegree - 1) * digits + entry) * kPackSlots;
}

// One client's key, as the kernel reads it: each half of each y[i] twice in a row, so that a rotation is an offset.
constexpr size_t kDoubledWords = 2 * kHalfOrbit + kPackSlots;  // of one half of one polynomial
constexpr size_t key_words(size_t digits) { return digits * (2 * kDoubledWords + kDegree); }
// y, y_prime: `digits` polynomials each, slots in orbit order. key: key_words(digits) words.
void pack_key(size_t digits, const uint32_t* y, const uint32_t* y_prime, uint32_t* key);

struct PackTarget {
  const char* name;
  bool (*usable)();
  // out: for each of `count` keys, kDegree words in orbit order.
  void (*pack)(size_t digits, const uint32_t* prepared, const uint32_t* const* keys, size_t count,
               uint32_t* const* out);
};

// Slowest first; "scalar" defines what is right.
const PackTarget* pack_targets(size_t* count);
// The last usable one, or the one that CWTCH_KERNEL names. Aborts with a message when that one is unknown or cannot
// run.
const PackTarget& pack();

}  // namespace cwtch::kernels
