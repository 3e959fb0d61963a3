#include "kernels/choose.hpp"
#include "kernels/scan.hpp"
#include "kernels/scan_avx2.hpp"
#include "kernels/scan_avx512.hpp"
#include "kernels/scan_scalar.hpp"

namespace cwtch::kernels {
namespace {

constexpr ScanTarget kTargets[] = {
    {"scalar", [] { return true; }, multiply_scalar},
    {"avx2", scan_avx2_usable, multiply_avx2},
    {"avx512", scan_avx512_usable, multiply_avx512},
};

}  // namespace

const ScanTarget* scan_targets(size_t* count) {
  *count = sizeof kTargets / sizeof *kTargets;
  return kTargets;
}

const ScanTarget& scan() {
  static const ScanTarget& chosen = choose(kTargets, sizeof kTargets / sizeof *kTargets);
  return chosen;
}

}  // namespace cwtch::kernels
