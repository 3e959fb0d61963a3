#include "pir/ring32/packing.hpp"

#include <algorithm>
#include <cstring>

#include "engine/core/check.hpp"
#include "kernels/pack.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kHalfOrbit;
using kernels::kLanes;
using kernels::kLaneWords;
using kernels::kPackSlots;

// Eight packings are prepared at once, each in two lanes: l and l + 8 are the chains of tau_g^j and tau_h tau_g^j.
constexpr size_t kAtOnce = kLanes / 2;

// A_j and A'_j of one packing before any key is switched, for all j: word [chain][j][o], o an orbit place.
//
//   A_sigma = d^-1 * sum over k of X^k * sigma(hint_k)
//
// In the slot of exponent e that is the polynomial (over k) of the hints' slots at e * sigma, evaluated at psi^e: one
// transform per column of slots instead of a sum of d^2 rotated polynomials.
class Automorphic {
 public:
  explicit Automorphic(const PackingInput& input) : words_(2 * kHalfOrbit * kDegree) {
    const auto& orbit = kernels::orbit();
    const size_t groups = input.hint->size() / kLaneWords;
    Words lanes(kLaneWords);
    for (size_t column = 0; column < kDegree; column += kLanes) {
      for (size_t k = 0; k < kDegree; ++k) {
        const size_t group = input.first_group + k / kLanes;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const size_t slot = orbit.slot[column + lane];
          lanes[k * kLanes + lane] =
              group < groups ? (*input.hint)[group * kLaneWords + slot * kLanes + k % kLanes] : 0;
        }
      }
      kernels::ring().forward(lanes.data());
      for (size_t o = 0; o < kDegree; ++o) {
        const uint32_t* const values = &lanes[orbit.slot[o] * kLanes];
        const size_t chain = column / kHalfOrbit ^ o / kHalfOrbit;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const size_t j = (column + lane - o) % kHalfOrbit;
          words_[(chain * kHalfOrbit + j) * kDegree + o] = values[lane];
        }
      }
    }
  }

  const uint32_t* operator()(size_t chain, size_t j) const { return &words_[(chain * kHalfOrbit + j) * kDegree]; }

 private:
  Words words_;
};

// tau_g^j(w), and with `flip` tau_h tau_g^j(w): slots from slots.
void rotate(const uint32_t* w, size_t j, bool flip, uint32_t* to) {
  const auto& orbit = kernels::orbit();
  for (size_t half = 0; half < 2; ++half) {
    const size_t from_half = half ^ static_cast<size_t>(flip);
    for (size_t o = 0; o < kHalfOrbit; ++o) {
      to[orbit.slot[half * kHalfOrbit + o]] = w[orbit.slot[from_half * kHalfOrbit + (o + j) % kHalfOrbit]];
    }
  }
}

// Collapses the chains of up to eight packings, from the far end; what is switched on the way is what online packing
// needs.
class Chains {
 public:
  Chains(const Lattice& lattice, const PackingKeys& keys, std::span<const PackingInput> inputs,
         std::span<Prepared> results)
      : lattice_(lattice), keys_(keys), results_(results), sum_(kLaneWords), digits_(lattice.digits * kLaneWords) {
    for (const PackingInput& input : inputs) terms_.emplace_back(input);
  }

  void run() {
    for (size_t j = kHalfOrbit - 1; j > 0; --j) {
      add_terms(j);
      split();
      keep(j, 0, kLanes);
      Words low(kDegree), high(kDegree);
      for (size_t i = 0; i < lattice_.digits; ++i) {
        rotate(&keys_.w[i * kDegree], j - 1, false, low.data());
        rotate(&keys_.w[i * kDegree], j - 1, true, high.data());
        kernels::ring().multiply_add(sum_.data(), digit(i), low.data(), high.data());
      }
    }
    add_terms(0);
    last_switch();
  }

 private:
  uint32_t* digit(size_t i) { return &digits_[i * kLaneWords]; }

  void add_terms(size_t j) {
    const auto& orbit = kernels::orbit();
    for (size_t packing = 0; packing < terms_.size(); ++packing) {
      const uint32_t* const straight = terms_[packing](0, j);
      const uint32_t* const flipped = terms_[packing](1, j);
      for (size_t o = 0; o < kDegree; ++o) {
        uint32_t* const lanes = &sum_[orbit.slot[o] * kLanes + packing];
        lanes[0] = kernels::add(lanes[0], straight[o]);
        lanes[kAtOnce] = kernels::add(lanes[kAtOnce], flipped[o]);
      }
    }
  }

  // The sum's digits, transformed; the sum becomes zero.
  void split() {
    kernels::ring().inverse(sum_.data());
    kernels::ring().digits(sum_.data(), lattice_.base_bits, lattice_.digits, lattice_.dropped_key_bits, digits_.data());
    for (size_t i = 0; i < lattice_.digits; ++i) kernels::ring().forward(digit(i));
    std::fill(sum_.begin(), sum_.end(), 0);
  }

  void keep(size_t j, size_t first_lane, size_t lanes) {
    const auto& orbit = kernels::orbit();
    for (size_t packing = 0; packing < terms_.size(); ++packing) {
      auto* const words = reinterpret_cast<uint32_t*>(results_[packing].memory.data());
      for (size_t lane = first_lane + packing; lane < first_lane + lanes; lane += kAtOnce) {
        const bool flipped = lane - first_lane >= kAtOnce;
        for (size_t block = 0; block < kDegree / kPackSlots; ++block) {
          for (size_t i = 0; i < lattice_.digits; ++i) {
            uint32_t* const to = words + kernels::prepared_place(lattice_.digits, block, j, i, flipped);
            for (size_t s = 0; s < kPackSlots; ++s) {
              to[s] = digit(i)[orbit.slot[block * kPackSlots + s] * kLanes + lane];
            }
          }
        }
      }
    }
  }

  // tau_h(s) to s: what the flipped chain has become joins the straight one.
  void last_switch() {
    Words straight = sum_;
    split();
    keep(0, kAtOnce, kAtOnce);
    // Lanes 8 to 15 of the digits times w', into lanes 8 to 15 of the sum.
    const Words zero(kDegree);
    for (size_t i = 0; i < lattice_.digits; ++i) {
      kernels::ring().multiply_add(sum_.data(), digit(i), zero.data(), &keys_.w_prime[i * kDegree]);
    }
    for (size_t slot = 0; slot < kDegree; ++slot) {
      for (size_t packing = 0; packing < kAtOnce; ++packing) {
        uint32_t& a = straight[slot * kLanes + packing];
        a = kernels::add(a, sum_[slot * kLanes + kAtOnce + packing]);
      }
    }
    kernels::ring().inverse(straight.data());
    for (size_t packing = 0; packing < terms_.size(); ++packing) {
      Words& a = results_[packing].a;
      for (size_t i = 0; i < kDegree; ++i) a.push_back(straight[i * kLanes + packing]);
    }
  }

  const Lattice& lattice_;
  const PackingKeys& keys_;
  const std::span<Prepared> results_;
  std::vector<Automorphic> terms_;
  Words sum_, digits_;
};

}  // namespace

PackingKeys::PackingKeys(const Lattice& lattice, const Crs& crs, ByteView range)
    : w(lattice.digits * kDegree), w_prime(lattice.digits * kDegree) {
  for (size_t i = 0; i < lattice.digits; ++i) {
    crs.polynomial(range_domain("w", range, i), Polynomial(&w[i * kDegree], kDegree));
    crs.polynomial(range_domain("v", range, i), Polynomial(&w_prime[i * kDegree], kDegree));
  }
}

void make_bodies(const Lattice& lattice, const PackingKeys& keys, OneTimeKey& secret, uint32_t* y, uint32_t* y_prime) {
  uint16_t by_five[kDegree], by_minus_one[kDegree];
  for (uint32_t slot = 0; slot < kDegree; ++slot) {
    const uint32_t exponent = kernels::exponent_of_slot(slot);
    by_five[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(5 * exponent));
    by_minus_one[slot] = static_cast<uint16_t>(kernels::slot_of_exponent(2 * kDegree - exponent));
  }
  CHECK(2 * lattice.digits <= kLanes);
  std::vector<OneTimeKey::Body> bodies;
  for (const bool prime : {false, true}) {
    for (uint32_t i = 0; i < lattice.digits; ++i) {
      const uint32_t factor = 1u << (lattice.dropped_key_bits + lattice.base_bits * i);
      const Words& w = prime ? keys.w_prime : keys.w;
      bodies.push_back({&w[i * kDegree], factor, prime ? by_minus_one : by_five});
    }
  }
  Words out(bodies.size() * kDegree);
  secret.bodies(bodies, out.data());
  const size_t words = lattice.digits * kDegree;
  std::copy_n(out.begin(), words, y);
  std::copy_n(out.begin() + static_cast<ptrdiff_t>(words), words, y_prime);
}

std::vector<Prepared> prepare(const Lattice& lattice, const PackingKeys& keys, std::span<const PackingInput> inputs,
                              const Parallel& parallel) {
  std::vector<Prepared> results(inputs.size());
  for (Prepared& result : results) {
    result.memory = AlignedMemory(kernels::prepared_words(lattice.digits) * sizeof(uint32_t));
  }
  parallel((inputs.size() + kAtOnce - 1) / kAtOnce, [&](size_t task) {
    const size_t first = task * kAtOnce, count = std::min(kAtOnce, inputs.size() - first);
    Chains(lattice, keys, inputs.subspan(first, count), std::span(results).subspan(first, count)).run();
  });
  return results;
}

}  // namespace cwtch::pir
