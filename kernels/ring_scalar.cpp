#include "kernels/ring_scalar.hpp"

#include <cstring>

namespace cwtch::kernels {
namespace {

// Powers of psi and of its inverse at reversed places: the twiddles of both transforms, in the order of their use.
struct Twiddles {
  uint32_t forward[kDegree], inverse[kDegree];
  Twiddles() {
    const uint32_t psi_inverse = kernels::inverse(kPsi);
    for (uint32_t i = 0; i < kDegree; ++i) {
      forward[i] = pow_vartime(kPsi, reversed(i));
      inverse[i] = pow_vartime(psi_inverse, reversed(i));
    }
  }
};
const Twiddles& twiddles() {
  static const Twiddles table;
  return table;
}

uint32_t* scratch() {
  static thread_local uint32_t lanes[kLaneWords];
  return lanes;
}

}  // namespace

Memory scratch_scalar() { return {scratch(), kLaneWords * sizeof(uint32_t)}; }

// Cooley-Tukey, from natural to reversed order, the twist by psi merged into the twiddles (Longa and Naehrig, "Speeding
// up the Number Theoretic Transform", algorithm 1).
void forward_scalar(uint32_t* lanes) {
  const Twiddles& table = twiddles();
  for (size_t half = kDegree / 2, blocks = 1; half > 0; half /= 2, blocks *= 2) {
    for (size_t block = 0; block < blocks; ++block) {
      const uint32_t w = table.forward[blocks + block];
      uint32_t* low = lanes + 2 * block * half * kLanes;
      uint32_t* high = low + half * kLanes;
      for (size_t i = 0; i < half * kLanes; ++i) {
        const uint32_t t = mul(high[i], w);
        high[i] = sub(low[i], t);
        low[i] = add(low[i], t);
      }
    }
  }
}

// Gentleman-Sande, the way back (algorithm 2).
void inverse_scalar(uint32_t* lanes) {
  const Twiddles& table = twiddles();
  for (size_t half = 1, blocks = kDegree / 2; blocks > 0; half *= 2, blocks /= 2) {
    for (size_t block = 0; block < blocks; ++block) {
      const uint32_t w = table.inverse[blocks + block];
      uint32_t* low = lanes + 2 * block * half * kLanes;
      uint32_t* high = low + half * kLanes;
      for (size_t i = 0; i < half * kLanes; ++i) {
        const uint32_t difference = sub(low[i], high[i]);
        low[i] = add(low[i], high[i]);
        high[i] = mul(difference, w);
      }
    }
  }
  constexpr uint32_t degree_inverse = inverse(kDegree);
  for (size_t i = 0; i < kLaneWords; ++i) lanes[i] = mul(lanes[i], degree_inverse);
}

void multiply_add_scalar(uint32_t* sum, const uint32_t* x, const uint32_t* low, const uint32_t* high) {
  for (size_t slot = 0; slot < kDegree; ++slot) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t i = slot * kLanes + lane;
      sum[i] = add(sum[i], mul(x[i], lane < kLanes / 2 ? low[slot] : high[slot]));
    }
  }
}

void hint_add_scalar(uint32_t* sum, const uint8_t* const tiles[kBlockPanels], size_t stride,
                     const uint32_t* multiplier) {
  uint32_t* const lanes = scratch();
  for (size_t column = 0; column < kDegree; ++column) {
    for (size_t row = 0; row < kLanes; ++row) {
      const int byte = tiles[column / kPanelColumns][column % kPanelColumns / 4 * stride + row * 4 + column % 4];
      lanes[column * kLanes + row] = reduce_signed(byte - 128);
    }
  }
  forward_scalar(lanes);
  multiply_add_scalar(sum, lanes, multiplier, multiplier);
}

void digits_scalar(const uint32_t* lanes, uint32_t base_bits, uint32_t count, uint32_t dropped, uint32_t* digits) {
  const int64_t half_base = int64_t{1} << base_bits >> 1;
  const int64_t rounding = int64_t{1} << dropped >> 1;
  for (size_t i = 0; i < kLaneWords; ++i) {
    int64_t rest = (centred(lanes[i]) + rounding) >> dropped;
    for (uint32_t digit = 0; digit < count; ++digit) {
      const bool last = digit + 1 == count;
      const int64_t low = last ? rest : ((rest + half_base) & (2 * half_base - 1)) - half_base;
      digits[digit * kLaneWords + i] = reduce_signed(low);
      rest = (rest - low) >> base_bits;
    }
  }
}

}  // namespace cwtch::kernels
