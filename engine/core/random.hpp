// Randomness as a parameter: the system's for keys and nonces, a seeded stream for the simulator and tests.
#pragma once

#include "engine/core/bytes.hpp"

namespace cwtch {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes to) = 0;
  uint64_t next() {
    uint64_t value;
    fill({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
  // Uniform in [0, bound), bound > 0. Lemire's multiplication without rejection: the bias is below bound / 2^64.
  uint64_t below(uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>(static_cast<Wide>(next()) * bound >> 64);
  }
};

class SystemRandom final : public Random {
 public:
  void fill(MutableBytes to) override;  // getrandom(2); aborts if the kernel refuses
};

// SplitMix64 (Steele, Lea, Flood 2014): for tests and simulation, never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  void fill(MutableBytes to) override;

 private:
  uint64_t step();
  uint64_t state_;
};

}  // namespace cwtch
