// The discrete Gaussian over the integers, by a table of its tail: constant time, and as exact as 63-bit numbers can
// say (statistical distance below 2^-50).
//
// Thread: one per object.
#pragma once

#include <span>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/random.hpp"

namespace cwtch::pir {

class Gaussian {
 public:
  // Draws a ChaCha20 key from `random`, and everything else from that.
  Gaussian(Random& random, double sigma);
  ~Gaussian();
  Gaussian(const Gaussian&) = delete;
  Gaussian& operator=(const Gaussian&) = delete;

  // Fills with samples, modulo q.
  void sample(std::span<uint32_t> to);

 private:
  static constexpr size_t kAtOnce = 64;

  SecretBytes<32> key_;
  uint64_t nonce_ = 0;
  std::vector<uint64_t> tail_;  // tail_[k] = 2^63 * P(|x| > k), as long as that is not zero
};

}  // namespace cwtch::pir
