#include "pir/lattice/parameters.hpp"

#include <algorithm>

namespace cwtch::pir {

Noise noise_of(const Lattice& lattice, uint64_t columns, double sigma, double squares) {
  constexpr double degree = kernels::kDegree, q = kernels::kQ;
  const auto uniform = [](double width) { return width * width / 12; };  // variance of a uniform error
  const double s2 = sigma * sigma;
  Noise noise;
  const double query = lattice.dropped_query_bits > 0 ? uniform(std::exp2(lattice.dropped_query_bits)) : 0;
  noise.scan = static_cast<double>(columns) * (s2 + query) * squares;
  if (lattice.digits > 0) {
    const double base = std::exp2(lattice.base_bits);
    // The last digit holds what is left of a value below q: less than the others.
    const double last = std::min(base, q / (std::exp2(lattice.dropped_key_bits) * std::pow(base, lattice.digits - 1)));
    noise.pack = (degree - 1) * degree * s2 * ((lattice.digits - 1) * uniform(base) + uniform(last));
    noise.drop = (degree - 1) * degree * s2 * uniform(std::exp2(lattice.dropped_key_bits));
  }
  noise.change = degree * s2 * uniform(q / std::exp2(kHintBits)) + uniform(q / std::exp2(kAnswerBits));
  return noise;
}

uint64_t columns_max(const Lattice& lattice) {
  uint64_t columns = 1;
  while (noise_of(lattice, 2 * columns, kSigma, kPadding).margin() >= kMarginMin) columns *= 2;
  return columns;
}

double Noise::failure_log2() const {
  const double x = margin() / std::sqrt(2.0);
  // erfc underflows beyond x = 26; its asymptote is exact enough there.
  if (x < 20) return std::log2(std::erfc(x));
  return (-x * x - std::log(x * std::sqrt(3.14159265358979323846))) / std::log(2.0);
}

}  // namespace cwtch::pir
