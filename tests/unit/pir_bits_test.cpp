#include <gmock/gmock.h>

#include <algorithm>

#include "engine/core/random.hpp"
#include "pir/lattice/bits.hpp"
#include "pir/lattice/switch.hpp"

namespace cwtch::pir {
namespace {

TEST(PirBits, NumbersOfEveryWidthComeBack) {
  SeededRandom random(1);
  for (uint32_t bits = 1; bits <= 32; ++bits) {
    for (size_t count = 0; count < 40; ++count) {
      std::vector<uint32_t> values(count), back(count);
      for (uint32_t& value : values) value = static_cast<uint32_t>(random.next() >> (64 - bits));
      Bytes bytes(packed_bytes(count, bits));
      pack_bits(values, bits, bytes);
      ASSERT_TRUE(unpack_bits(bytes, bits, back));
      EXPECT_EQ(back, values) << bits << " bits";
      const auto largest = largest_of_bits(bytes, bits, count);
      ASSERT_TRUE(largest);
      EXPECT_EQ(*largest, count == 0 ? 0 : *std::max_element(values.begin(), values.end())) << bits << " bits";
    }
  }
}

TEST(PirBits, ExtremesComeBack) {
  for (uint32_t bits = 1; bits <= 32; ++bits) {
    const auto most = static_cast<uint32_t>((uint64_t{1} << bits) - 1);
    for (size_t at = 0; at < 19; ++at) {
      std::vector<uint32_t> values(19), back(19);
      values[at] = most;
      Bytes bytes(packed_bytes(19, bits));
      pack_bits(values, bits, bytes);
      ASSERT_TRUE(unpack_bits(bytes, bits, back));
      EXPECT_EQ(back, values);
      EXPECT_EQ(*largest_of_bits(bytes, bits, 19), most) << bits << " bits at " << at;
    }
  }
}

// Little-endian, without gaps.
TEST(PirBits, LayoutIsPinned) {
  Bytes bytes(packed_bytes(3, 12));
  pack_bits(std::vector<uint32_t>{0x123, 0x456, 0x789}, 12, bytes);
  EXPECT_EQ(bytes, (Bytes{0x23, 0x61, 0x45, 0x89, 0x07}));
}

TEST(PirBits, BitsBehindTheLastNumberAreRefused) {
  for (uint32_t bits = 1; bits <= 32; ++bits) {
    for (size_t count = 1; count < 10; ++count) {
      for (uint64_t bit = count * bits; bit < packed_bytes(count, bits) * 8; ++bit) {
        Bytes bytes(packed_bytes(count, bits));
        bytes[bit / 8] = static_cast<uint8_t>(1u << bit % 8);
        std::vector<uint32_t> back(count);
        EXPECT_FALSE(unpack_bits(bytes, bits, back)) << bits << " bits, " << count << " numbers, bit " << bit;
        EXPECT_FALSE(largest_of_bits(bytes, bits, count));
      }
    }
  }
}

// round(v * 2^bits / q), half a step from the border on either side: by arithmetic of its own.
TEST(PirSwitch, RoundsToTheNearest) {
  SeededRandom random(2);
  for (const uint32_t bits : {12u, 20u}) {
    const uint64_t steps = uint64_t{1} << bits;
    for (int i = 0; i < 100'000; ++i) {
      const auto value = static_cast<uint32_t>(i < 4 ? std::array{0u, 1u, kernels::kQ / 2, kernels::kQ - 1}[i]
                                                     : random.below(kernels::kQ));
      const uint32_t switched = switch_modulus(value, bits);
      ASSERT_LT(switched, steps);
      // |value * 2^bits - switched * q| is at most q / 2, around the circle.
      const int64_t around = static_cast<int64_t>(steps) * int64_t{kernels::kQ};
      int64_t off = static_cast<int64_t>(value * steps) - static_cast<int64_t>(switched) * int64_t{kernels::kQ};
      if (off > around / 2) off -= around;
      ASSERT_LE(std::abs(off), int64_t{kernels::kQ} / 2 + 1) << value;
    }
  }
}

}  // namespace
}  // namespace cwtch::pir
