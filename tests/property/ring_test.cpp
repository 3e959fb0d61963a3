// Transforms, digits and packing: the scalar code does what the definitions say, and every other target yields the same
// words.
#include "kernels/ring.hpp"

#include <gmock/gmock.h>

#include <cstring>
#include <new>
#include <vector>

#include "kernels/pack.hpp"
#include "kernels/ring_scalar.hpp"
#include "kernels/scan.hpp"

namespace cwtch::kernels {
namespace {

template <class T>
struct Aligned {
  using value_type = T;
  Aligned() = default;
  template <class U>
  explicit Aligned(const Aligned<U>&) {}
  T* allocate(size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* memory, size_t) { ::operator delete (memory, std::align_val_t{64}); }
  friend bool operator==(const Aligned&, const Aligned&) { return true; }
};
using Words = std::vector<uint32_t, Aligned<uint32_t>>;

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  // Every eighth is a number at which something might overflow.
  uint32_t residue() {
    constexpr uint32_t kExtremes[] = {0, 1, kQ - 1, kQ / 2, kQ / 2 + 1, 1u << 31, (1u << 20) - 1, kQ - 2};
    const uint64_t drawn = next();
    return drawn % 8 == 0 ? kExtremes[drawn / 8 % 8] : static_cast<uint32_t>(drawn >> 32) % kQ;
  }
  Words residues(size_t count) {
    Words words(count);
    for (uint32_t& word : words) word = residue();
    return words;
  }

 private:
  uint64_t state_;
};

// All lanes at the largest number: sums grow as far as they can.
Words worst(size_t count) { return Words(count, kQ - 1); }

std::vector<RingTarget> targets() {
  size_t count = 0;
  const RingTarget* const all = ring_targets(&count);
  std::vector<RingTarget> usable;
  for (size_t i = 0; i < count; ++i) {
    if (all[i].usable()) usable.push_back(all[i]);
  }
  return usable;
}

std::vector<uint32_t> lane(const Words& lanes, size_t number) {
  std::vector<uint32_t> polynomial;
  for (size_t i = 0; i < kDegree; ++i) polynomial.push_back(lanes[i * kLanes + number]);
  return polynomial;
}

TEST(RingScalar, SlotsAreValuesAtOddPowersOfPsi) {
  Words lanes = Numbers(1).residues(kLaneWords);
  const auto polynomial = lane(lanes, 5);
  forward_scalar(lanes.data());
  for (const uint32_t slot : {0u, 1u, 511u, 512u, 1023u}) {
    const uint32_t at = pow_vartime(kPsi, exponent_of_slot(slot));
    EXPECT_EQ(slot_of_exponent(exponent_of_slot(slot)), slot);
    uint32_t value = 0;
    for (size_t i = kDegree; i > 0; --i) value = add(mul(value, at), polynomial[i - 1]);
    EXPECT_EQ(lanes[slot * kLanes + 5], value);
  }
}

TEST(RingScalar, ProductsOfSlotsAreNegacyclicProducts) {
  Numbers numbers(2);
  Words a = numbers.residues(kLaneWords), b = numbers.residues(kLaneWords), sum(kLaneWords);
  const auto x = lane(a, 0), y = lane(b, 0);
  forward_scalar(a.data());
  forward_scalar(b.data());
  const auto w = lane(b, 0);
  multiply_add_scalar(sum.data(), a.data(), w.data(), w.data());
  inverse_scalar(sum.data());
  for (const size_t k : {size_t{0}, size_t{1}, size_t{700}, kDegree - 1}) {
    uint32_t expected = 0;
    for (size_t i = 0; i < kDegree; ++i) {
      const uint32_t product = mul(x[i], y[(k + kDegree - i) % kDegree]);
      expected = i <= k ? add(expected, product) : sub(expected, product);
    }
    EXPECT_EQ(sum[k * kLanes], expected) << k;
  }
}

TEST(RingScalar, AutomorphismsMoveOrbits) {
  Words lanes = Numbers(3).residues(kLaneWords), by_five(kLaneWords), by_minus_one(kLaneWords);
  for (size_t i = 0; i < kDegree; ++i) {
    for (const auto& [to, power] : {std::pair(&by_five, size_t{5}), std::pair(&by_minus_one, 2 * kDegree - 1)}) {
      const size_t exponent = i * power % (2 * kDegree);
      for (size_t l = 0; l < kLanes; ++l) {
        const uint32_t word = lanes[i * kLanes + l];
        (*to)[exponent % kDegree * kLanes + l] = exponent < kDegree ? word : negate(word);
      }
    }
  }
  for (Words* const words : {&lanes, &by_five, &by_minus_one}) forward_scalar(words->data());
  const auto& slots = orbit().slot;
  for (size_t half = 0; half < 2; ++half) {
    for (size_t o = 0; o < kHalfOrbit; ++o) {
      const size_t slot = slots[half * kHalfOrbit + o];
      EXPECT_EQ(by_five[slot * kLanes], lanes[slots[half * kHalfOrbit + (o + 1) % kHalfOrbit] * kLanes]);
      EXPECT_EQ(by_minus_one[slot * kLanes], lanes[slots[(1 - half) * kHalfOrbit + o] * kLanes]);
    }
  }
}

TEST(RingScalar, DigitsAreSmallAndSumUpToTheRoundedNumber) {
  const Words lanes = Numbers(4).residues(kLaneWords);
  struct Set {
    uint32_t base_bits, count, dropped;
  };
  for (const Set set : {Set{6, 5, 2}, Set{6, 6, 0}, Set{4, 8, 0}, Set{8, 4, 0}}) {
    Words digits(set.count * kLaneWords);
    digits_scalar(lanes.data(), set.base_bits, set.count, set.dropped, digits.data());
    const int64_t half_base = int64_t{1} << (set.base_bits - 1);
    for (size_t i = 0; i < kLaneWords; i += 7) {
      int64_t sum = 0;
      for (uint32_t digit = 0; digit < set.count; ++digit) {
        const int64_t value = centred(digits[digit * kLaneWords + i]);
        EXPECT_GE(value, -half_base);
        EXPECT_LE(value, digit + 1 == set.count ? half_base : half_base - 1);
        sum += value * (int64_t{1} << set.base_bits * digit);
      }
      const int64_t error = centred(lanes[i]) - sum * (int64_t{1} << set.dropped);
      EXPECT_LE(std::abs(error), (int64_t{1} << set.dropped) / 2);
    }
  }
}

TEST(RingTargets, YieldTheScalarWords) {
  for (const RingTarget& target : targets()) {
    SCOPED_TRACE(target.name);
    for (uint64_t seed = 0; seed < 6; ++seed) {
      Numbers numbers(seed);
      const Words x = seed == 0 ? worst(kLaneWords) : numbers.residues(kLaneWords);
      const Words w = seed == 0 ? worst(2 * kDegree) : numbers.residues(2 * kDegree);
      Words expected = x, got = x;
      forward_scalar(expected.data());
      target.forward(got.data());
      EXPECT_EQ(got, expected);
      expected = got = x;
      inverse_scalar(expected.data());
      target.inverse(got.data());
      EXPECT_EQ(got, expected);
      expected = got = seed == 0 ? worst(kLaneWords) : numbers.residues(kLaneWords);
      multiply_add_scalar(expected.data(), x.data(), w.data(), w.data() + kDegree);
      target.multiply_add(got.data(), x.data(), w.data(), w.data() + kDegree);
      EXPECT_EQ(got, expected);
      for (const auto& [base_bits, count, dropped] : {std::tuple(6, 5, 2), std::tuple(6, 6, 0), std::tuple(4, 8, 0)}) {
        Words digits(size_t{8} * kLaneWords), scalar(size_t{8} * kLaneWords);
        digits_scalar(x.data(), base_bits, count, dropped, scalar.data());
        target.digits(x.data(), base_bits, count, dropped, digits.data());
        EXPECT_EQ(digits, scalar);
      }
    }
  }
}

TEST(RingTargets, AddTheSameHints) {
  constexpr size_t kStride = kBlockRows * 4;
  for (const RingTarget& target : targets()) {
    SCOPED_TRACE(target.name);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      Numbers numbers(seed);
      Words memory(4 * 64 * kStride / sizeof(uint32_t), seed == 0 ? 0u : 0xFFFFFFFFu);
      if (seed > 1) memory = numbers.residues(memory.size());
      const auto* const bytes = reinterpret_cast<const uint8_t*>(memory.data()) + kTileBytes;
      const uint8_t* const tiles[] = {bytes, bytes + 64 * kStride, bytes + 2 * 64 * kStride, bytes + 3 * 64 * kStride};
      const Words multiplier = seed == 0 ? worst(kDegree) : numbers.residues(kDegree);
      Words expected = seed == 0 ? worst(kLaneWords) : numbers.residues(kLaneWords), got = expected;
      hint_add_scalar(expected.data(), tiles, kStride, multiplier.data());
      target.hint_add(got.data(), tiles, kStride, multiplier.data());
      EXPECT_EQ(got, expected);
    }
  }
}

// By definition: rotations and flips of whole polynomials, then products slot by slot.
TEST(PackTargets, SumRotatedKeysTimesWhatIsPrepared) {
  size_t count = 0;
  const PackTarget* const all = pack_targets(&count);
  for (const size_t digits : {size_t{1}, size_t{5}}) {
    Numbers numbers(digits);
    const Words prepared = digits == 1 ? worst(prepared_words(digits)) : numbers.residues(prepared_words(digits));
    constexpr size_t kKeys = 7;  // fours, twos and one
    std::vector<Words> y, y_prime, keys;
    for (size_t k = 0; k < kKeys; ++k) {
      y.push_back(digits == 1 ? worst(digits * kDegree) : numbers.residues(digits * kDegree));
      y_prime.push_back(numbers.residues(digits * kDegree));
      keys.emplace_back(key_words(digits));
      pack_key(digits, y.back().data(), y_prime.back().data(), keys.back().data());
    }
    std::vector<Words> expected(kKeys, Words(kDegree));
    for (size_t k = 0; k < kKeys; k += 3) {
      for (size_t slot = 0; slot < kDegree; slot += 37) {
        uint32_t& sum = expected[k][slot];
        const size_t half = slot / kHalfOrbit, o = slot % kHalfOrbit;
        const auto at = [&](size_t j, size_t i, bool flipped) {
          return prepared[prepared_place(digits, slot / kPackSlots, j, i, flipped) + slot % kPackSlots];
        };
        for (size_t i = 0; i < digits; ++i) {
          for (size_t j = 1; j < kHalfOrbit; ++j) {
            const size_t rotated = (o + j - 1) % kHalfOrbit;
            sum = add(sum, mul(at(j, i, false), y[k][i * kDegree + half * kHalfOrbit + rotated]));
            sum = add(sum, mul(at(j, i, true), y[k][i * kDegree + (1 - half) * kHalfOrbit + rotated]));
          }
          sum = add(sum, mul(at(0, i, false), y_prime[k][i * kDegree + slot]));
        }
      }
    }
    std::vector<std::vector<Words>> results;
    for (size_t t = 0; t < count; ++t) {
      if (!all[t].usable()) continue;
      SCOPED_TRACE(all[t].name);
      std::vector<Words> out(kKeys, Words(kDegree));
      const uint32_t* in[kKeys];
      uint32_t* to[kKeys];
      for (size_t k = 0; k < kKeys; ++k) in[k] = keys[k].data(), to[k] = out[k].data();
      all[t].pack(digits, prepared.data(), in, kKeys, to);
      for (size_t k = 0; k < kKeys; k += 3) {
        for (size_t slot = 0; slot < kDegree; slot += 37) EXPECT_EQ(out[k][slot], expected[k][slot]);
      }
      results.push_back(std::move(out));
      EXPECT_EQ(results.back(), results.front());
    }
  }
}

}  // namespace
}  // namespace cwtch::kernels
