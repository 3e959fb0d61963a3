// The simulator's own stream of random numbers: small, inline, copied with whatever holds it.
//
// SplitMix64, as SeededRandom; not behind the Random seam because images draw millions of numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cwtch::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9E3779B97F4A7C15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // Uniform in [0, bound), bound > 0.
  uint64_t below(uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>(static_cast<Wide>(next()) * bound >> 64);
  }
  uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }  // both included
  // 0 never asks the stream, so that a plan without faults draws the same numbers as one that has none to inject.
  bool chance(double probability) {
    return probability > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }
  // A stream of its own for each user: adding a draw in one place does not shift all others.
  Dice split(uint64_t label) { return Dice(next() ^ (label * 0xD6E8FEB86659FD93u)); }

 private:
  uint64_t state_;
};

}  // namespace cwtch::sim
