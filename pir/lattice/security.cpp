#include "pir/lattice/security.hpp"

#include <cmath>

namespace cwtch::pir {
namespace {

constexpr double kPi = 3.14159265358979323846, kE = 2.71828182845904523536;

// log2 of the root Hermite factor of BKZ with block size b (Chen's thesis).
double delta_log2(double b) { return std::log2(std::pow(kPi * b, 1 / b) * b / (2 * kPi * kE)) / (2 * (b - 1)); }

}  // namespace

UsvpEstimate primal_usvp(const LweInstance& instance) {
  constexpr uint32_t kBlockMin = 50, kBlockMax = 4096;
  const double n = instance.dimension, scaling = n * std::log2(instance.sigma / instance.secret_sigma);
  for (uint32_t block = kBlockMin; block <= kBlockMax; ++block) {
    const double b = block, delta = delta_log2(b), shortest = std::log2(b) / 2 + std::log2(instance.sigma);
    for (double m = 1; m <= 2 * n + b; ++m) {
      const double d = n + m + 1;
      if ((2 * b - d) * delta + (m * instance.modulus_log2 + scaling) / d < shortest) continue;
      return {block, 0.292 * b + 16.4 + std::log2(8 * d)};
    }
  }
  return {kBlockMax, INFINITY};
}

}  // namespace cwtch::pir
