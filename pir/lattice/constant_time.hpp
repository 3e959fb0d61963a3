// Arithmetic on secrets without branches or addresses that depend on them.
//
// Thread: any; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cwtch::pir {

// All ones where a == b, else 0.
inline uint64_t mask_if_equal(uint64_t a, uint64_t b) {
  const uint64_t difference = a ^ b;
  return ((difference | (0 - difference)) >> 63) - 1;
}
// All ones where a < b, else 0: the borrow of a - b.
inline uint64_t mask_if_below(uint64_t a, uint64_t b) { return 0 - (((~a & b) | ((~a | b) & (a - b))) >> 63); }

// Ascending. A network that compares every neighbour in every round: for a query's few numbers.
inline void sort_secrets(std::span<uint64_t> numbers) {
  for (size_t round = 0; round < numbers.size(); ++round) {
    for (size_t i = round % 2; i + 1 < numbers.size(); i += 2) {
      const uint64_t swap = (numbers[i] ^ numbers[i + 1]) & mask_if_below(numbers[i + 1], numbers[i]);
      numbers[i] ^= swap;
      numbers[i + 1] ^= swap;
    }
  }
}

// A CHECK whose condition is made of secrets: it branches, but only callers that break their contract see the other
// side. A function of its own, so that the test of constant time can except it by name.
void check_secret(bool kept);

}  // namespace cwtch::pir
