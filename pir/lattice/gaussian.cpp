#include "pir/lattice/gaussian.hpp"

#include <sodium.h>

#include <cmath>

#include "engine/core/codec.hpp"
#include "kernels/modulus.hpp"

namespace cwtch::pir {

Gaussian::Gaussian(Random& random, double sigma) {
  random.fill({key_.data(), key_.size()});
  // From the far end, so that small numbers are added to small ones. Beyond ten deviations less than 2^-63 is left.
  const auto magnitudes = static_cast<size_t>(std::ceil(10 * sigma));
  std::vector<long double> sums(magnitudes);
  long double sum = 0;
  for (size_t k = magnitudes; k > 0; --k) {
    const auto x = static_cast<long double>(k);
    sum += 2 * std::exp(-x * x / (2 * static_cast<long double>(sigma) * static_cast<long double>(sigma)));
    sums[k - 1] = sum;
  }
  for (const long double more : sums) tail_.push_back(static_cast<uint64_t>(std::ldexp(more / (1 + sum), 63)));
}

Gaussian::~Gaussian() = default;

void Gaussian::sample(std::span<uint32_t> to) {
  uint64_t numbers[kAtOnce], magnitudes[kAtOnce];
  for (size_t done = 0; done < to.size(); done += kAtOnce) {
    ByteArray<crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
    store_le<uint64_t>(nonce.data(), nonce_++);
    crypto_stream_chacha20_ietf(reinterpret_cast<uint8_t*>(numbers), sizeof numbers, nonce.data(), key_.data());
    for (uint64_t& magnitude : magnitudes) magnitude = 0;
    for (const uint64_t threshold : tail_) {
      // Both are below 2^63: the difference's top bit says which is smaller.
      for (size_t i = 0; i < kAtOnce; ++i) magnitudes[i] += ((numbers[i] >> 1) - threshold) >> 63;
    }
    const size_t count = std::min(kAtOnce, to.size() - done);
    for (size_t i = 0; i < count; ++i) {
      const auto magnitude = static_cast<uint32_t>(magnitudes[i]);
      const uint32_t negative = 0u - static_cast<uint32_t>(numbers[i] & 1);
      // magnitude, or q - magnitude; 0 stays 0 by the last subtraction.
      const uint32_t nonzero = 0u - ((magnitude | (0u - magnitude)) >> 31);
      to[done + i] = (magnitude & ~negative) | ((kernels::kQ - magnitude) & negative & nonzero);
    }
  }
  sodium_memzero(numbers, sizeof numbers);
  sodium_memzero(magnitudes, sizeof magnitudes);
}

}  // namespace cwtch::pir
