// A blocked Bloom filter over 64-bit fingerprints that are uniform already (SipHash output): one cache line per
// question. A key sets one bit in each of the eight words of its block (the split blocks of Putze, Sanders and Singler
// 2007, as in Parquet, with words of 64 bits).
//
// The block comes from the fingerprint's high bits, so keys in ascending order fill the filter from front to back.
//
// False positives, with b bits per key: a block holds a Poisson number n of keys, of mean 512/b, and
// answers wrongly with (1 - (1 - 1/64)^n)^8. The mean of that over n is 1.05 % at b = 10, 0.42 % at 12, 0.09 % at 16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/check.hpp"

namespace cwtch::log {

struct alignas(64) BloomBlock {
  uint64_t words[8];
};

namespace bloom {

// The number of blocks is part of the run's file; this is the choice for a new one.
constexpr uint64_t blocks_for(uint64_t keys, uint64_t tenths_of_bits) {
  return keys * tenths_of_bits / (10 * 8 * sizeof(BloomBlock)) + 1;
}

// A multiplication spreads the low bits, which the choice of the block does not use, over the 48 bits needed.
constexpr uint64_t bits_of(uint64_t fingerprint) { return fingerprint * 0x9E3779B97F4A7C15u; }

inline uint64_t block_of(uint64_t fingerprint, uint64_t blocks_count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(fingerprint) * blocks_count >> 64);
}

inline void add(BloomBlock* blocks, uint64_t blocks_count, uint64_t fingerprint) {
  BloomBlock& block = blocks[block_of(fingerprint, blocks_count)];
  uint64_t bits = bits_of(fingerprint);
  for (uint64_t& word : block.words) {
    word |= uint64_t{1} << (bits >> 58);
    bits <<= 6;
  }
}

inline bool may_contain(const BloomBlock* blocks, uint64_t blocks_count, uint64_t fingerprint) {
  const BloomBlock& block = blocks[block_of(fingerprint, blocks_count)];
  uint64_t bits = bits_of(fingerprint);
  uint64_t all = 1;
  for (const uint64_t word : block.words) {
    all &= word >> (bits >> 58);
    bits <<= 6;
  }
  return (all & 1) != 0;
}

inline void prefetch(const BloomBlock* blocks, uint64_t blocks_count, uint64_t fingerprint) {
  __builtin_prefetch(&blocks[block_of(fingerprint, blocks_count)]);
}

}  // namespace bloom
}  // namespace cwtch::log
