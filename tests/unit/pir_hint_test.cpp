// Hints and packings against their definitions, by textbook arithmetic.
#include <gmock/gmock.h>

#include "engine/core/random.hpp"
#include "kernels/pack.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/hint.hpp"
#include "pir/lattice/matrix.hpp"
#include "pir/ring32/packing.hpp"
#include "pir/simplepir/simplepir.hpp"
#include "tests/support/pir_pair.hpp"
#include "tests/support/schoolbook.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kLanes;
using kernels::kLaneWords;
using test::Coefficients;

DrawBlock blocks_of(const char* server) {
  return [crs = Crs(server, "test")](size_t, uint64_t block, Polynomial slots) {
    crs.polynomial(block_domain(block), slots);
  };
}
Coefficients block(const char* server, uint64_t number) {
  Coefficients slots = test::zero();
  blocks_of(server)(0, number, Polynomial(slots.data(), kDegree));
  return test::from_slots(slots.data());
}
Coefficients random_polynomial(Random& random) {
  Coefficients a = test::zero();
  for (uint32_t& word : a) word = static_cast<uint32_t>(random.below(kernels::kQ));
  return a;
}
uint32_t centred_byte(uint8_t byte) { return kernels::reduce_signed(int{byte} - 128); }

TEST(PirHint, IsTheSumOfTurnedRowsTimesBlocks) {
  constexpr size_t kHeight = 70, kWidth = 2 * kDegree + 300;  // neither a multiple of anything
  SeededRandom random(1);
  std::vector<Bytes> columns(kWidth, Bytes(kHeight));
  kernels::TiledMatrix matrix(kHeight, kWidth);
  for (size_t c = 0; c < kWidth; ++c) {
    random.fill(columns[c]);
    matrix.set_column(c, columns[c].data());
  }
  Words hint = structured_hint(matrix, blocks_of("a"), run_serially);
  ASSERT_EQ(hint.size(), (kHeight + 15) / 16 * kLaneWords);
  hint_coefficients(hint, run_serially);

  const Coefficients s = random_polynomial(random);
  for (const size_t row : {size_t{0}, size_t{15}, size_t{16}, size_t{63}, size_t{64}, kHeight - 1}) {
    Coefficients expected = test::zero();
    uint32_t of_query = 0;  // <D_r, A s>
    for (size_t b = 0; b * kDegree < kWidth; ++b) {
      Coefficients turned = test::zero();
      const Coefficients mask = test::product(block("a", b), s);
      for (size_t c = 0; c < std::min(kDegree, kWidth - b * kDegree); ++c) {
        const uint32_t byte = centred_byte(columns[b * kDegree + c][row]);
        turned[(kDegree - c) % kDegree] = c == 0 ? byte : kernels::negate(byte);  // X^-c = -X^(d-c)
        of_query = kernels::add(of_query, kernels::mul(byte, mask[c]));
      }
      expected = test::sum(expected, test::product(turned, block("a", b)));
    }
    Coefficients found = test::zero();
    for (size_t i = 0; i < kDegree; ++i) found[i] = hint[row / kLanes * kLaneWords + i * kLanes + row % kLanes];
    EXPECT_EQ(found, expected) << "row " << row;
    EXPECT_EQ(test::product(found, s)[0], of_query) << "row " << row;
  }
}

TEST(PirHint, RunningHintIsTheServersBlob) {
  const SimplePir scheme;
  constexpr uint32_t kRowBytes = 520;
  const Geometry all{5000, 1500, kRowBytes, 1};
  const test::RandomRows rows(all, 1);
  const auto blob_of = [&](const Geometry& geometry) {
    return scheme.serve(test::kPirContext, geometry, rows)->statics().at(0).bytes;
  };
  RunningHint running(test::kPirContext, kRowBytes);
  uint64_t end = all.first_row;
  for (const uint64_t more : {1, 119, 1024, 1, 355}) {
    running.add({end, more, kRowBytes, 1}, rows);
    end += more;
    EXPECT_EQ(running.end_row(), end);
    EXPECT_EQ(running.blob().bytes, blob_of({all.first_row, end - all.first_row, kRowBytes, 1}));
  }
  EXPECT_EQ(end, all.end_row());
}

// Who has the rows finds every bit of a server's hint that is wrong, and every row that was not in it.
TEST(PirHint, AuditsFindEverySpoiltBit) {
  const SimplePir scheme;
  const Geometry geometry{5000, 3, 512, 1};
  test::RandomRows rows(geometry, 1);
  const auto statics_of = [&](const RowSource& source) {
    return scheme.statics(test::kPirContext, geometry, source).at(0).bytes;
  };
  const Bytes served = scheme.serve(test::kPirContext, geometry, rows)->statics().at(0).bytes;
  const Bytes own = statics_of(rows);
  ASSERT_EQ(own, served);
  SeededRandom random(2);
  for (int i = 0; i < 2000; ++i) {
    Bytes spoilt = served;
    spoilt[random.below(spoilt.size())] ^= static_cast<uint8_t>(1u << random.below(8));
    ASSERT_FALSE(equal_vartime(spoilt, own));
  }
  for (int i = 0; i < 16; ++i) {
    test::RandomRows changed = rows;
    changed.row(5001)[random.below(512)] ^= static_cast<uint8_t>(1u << random.below(8));
    ASSERT_NE(statics_of(changed), served);
  }
}

// InspiRING with digits that leave nothing out: base 2^6, six of them, no bit dropped. Then every identity is exact.
constexpr Lattice kExact{.name = "exact", .dropped_query_bits = 0, .base_bits = 6, .digits = 6, .dropped_key_bits = 0};

struct Packing {
  PackingKeys keys{kExact, Crs("a", "exact"), Bytes{1}};
  std::vector<Coefficients> hints;  // divided by d, as prepare() wants them
  Words lanes;
  std::vector<Prepared> prepared;

  explicit Packing(size_t rows, size_t packings = 1) {
    SeededRandom random(3);
    const size_t groups = (rows + kLanes - 1) / kLanes;
    lanes.resize(groups * kLaneWords);
    for (size_t k = 0; k < rows; ++k) {
      hints.push_back(random_polynomial(random));
      for (size_t i = 0; i < kDegree; ++i) lanes[k / kLanes * kLaneWords + i * kLanes + k % kLanes] = hints[k][i];
    }
    for (size_t group = 0; group < groups; ++group) kernels::ring().forward(&lanes[group * kLaneWords]);
    std::vector<PackingInput> inputs;
    for (size_t p = 0; p < packings; ++p) inputs.push_back({&lanes, p * kDegree / kLanes});
    prepared = prepare(kExact, keys, inputs, run_serially);
  }

  // A_j or, flipped, A'_j before any key is switched: the sum over k of X^k times the k-th hint's image.
  Coefficients term(size_t j, bool flipped) const {
    const uint64_t g = test::power_of_five(j);
    Coefficients sum = test::zero();
    for (size_t k = 0; k < hints.size(); ++k) {
      const Coefficients image = test::automorphism(hints[k], flipped ? 2 * kDegree - g : g);
      for (size_t i = 0; i < kDegree; ++i) {
        uint32_t& at = sum[(i + k) % kDegree];
        at = i + k < kDegree ? kernels::add(at, image[i]) : kernels::sub(at, image[i]);
      }
    }
    return sum;
  }
  // Of the prepared words: digit i at step j, as a polynomial.
  Coefficients digit(size_t j, size_t i, bool flipped) const {
    Coefficients slots = test::zero();
    for (size_t o = 0; o < kDegree; ++o) {
      slots[kernels::orbit().slot[o]] =
          prepared[0].words()[kernels::prepared_place(kExact.digits, o / kernels::kPackSlots, j, i, flipped) +
                              o % kernels::kPackSlots];
    }
    return test::from_slots(slots.data());
  }
};

TEST(PirPacking, FirstStepsAreInspiringsByDefinition) {
  const Packing packing(40);
  for (const bool flipped : {false, true}) {
    Coefficients a = packing.term(kDegree / 2 - 1, flipped);
    for (size_t j = kDegree / 2 - 1; j > kDegree / 2 - 4; --j) {
      Coefficients recomposed = test::zero(), next = packing.term(j - 1, flipped);
      const uint64_t g = test::power_of_five(j - 1);
      for (size_t i = 0; i < kExact.digits; ++i) {
        const Coefficients digit = packing.digit(j, i, flipped);
        for (size_t c = 0; c < kDegree; ++c) {
          const int64_t value = kernels::centred(digit[c]);
          ASSERT_TRUE(-32 <= value && (value < 32 || (i + 1 == kExact.digits && value <= 32)));
          recomposed[c] = kernels::add(recomposed[c], kernels::mul(digit[c], 1u << (6 * i)));
        }
        const Coefficients w = test::from_slots(&packing.keys.w[i * kDegree]);
        next = test::sum(next, test::product(digit, test::automorphism(w, flipped ? 2 * kDegree - g : g)));
      }
      EXPECT_EQ(recomposed, a) << "step " << j << (flipped ? ", flipped" : "");
      a = next;
    }
  }
}

// All steps at once: with a key without errors, for any secret s and any b,
//   b_fin + a_fin s = sum over k of (b_k + <alpha_k, s>) X^k     exactly,
// alpha_k being what hint k is the embedding of.
TEST(PirPacking, PacksExactlyWhatItIsGiven) {
  for (const size_t rows : {size_t{1}, size_t{40}, kDegree}) {
    const Packing packing(rows);
    SeededRandom random(4);
    const Coefficients s = random_polynomial(random);
    const Coefficients slots = test::to_slots(s);
    Words y(kExact.digits * kDegree), y_prime(kExact.digits * kDegree), key(kernels::key_words(kExact.digits));
    for (size_t i = 0; i < kExact.digits; ++i) {
      for (size_t o = 0; o < kDegree; ++o) {
        const size_t slot = kernels::orbit().slot[o];
        const uint32_t e = kernels::exponent_of_slot(static_cast<uint32_t>(slot));
        const auto body = [&](const Words& w, uint32_t exponent) {
          return kernels::sub(kernels::mul(1u << (6 * i), slots[kernels::slot_of_exponent(exponent)]),
                              kernels::mul(w[i * kDegree + slot], slots[slot]));
        };
        y[i * kDegree + o] = body(packing.keys.w, 5 * e);
        y_prime[i * kDegree + o] = body(packing.keys.w_prime, 2 * kDegree - e);
      }
    }
    kernels::pack_key(kExact.digits, y.data(), y_prime.data(), key.data());
    Words orbit(kDegree);
    const uint32_t* const keys[] = {key.data()};
    uint32_t* const out[] = {orbit.data()};
    kernels::pack().pack(kExact.digits, packing.prepared[0].words(), keys, 1, out);
    Coefficients b_slots = test::zero();
    for (size_t o = 0; o < kDegree; ++o) b_slots[kernels::orbit().slot[o]] = orbit[o];

    const Coefficients a_fin(packing.prepared[0].a.begin(), packing.prepared[0].a.end());
    const Coefficients sum = test::sum(test::from_slots(b_slots.data()), test::product(a_fin, s));
    Coefficients expected = test::zero();
    for (size_t k = 0; k < rows; ++k) {
      // The hint is <alpha, s> / d by its constant coefficient.
      uint32_t constant = kernels::mul(packing.hints[k][0], s[0]);
      for (size_t i = 1; i < kDegree; ++i) {
        constant = kernels::sub(constant, kernels::mul(packing.hints[k][i], s[kDegree - i]));
      }
      expected[k] = kernels::mul(constant, kDegree);
    }
    EXPECT_EQ(sum, expected) << rows << " rows";
  }
}

// Packings side by side do not touch each other, and a last one of a few rows is as if the rest were zeros.
TEST(PirPacking, PackingsAreIndependent) {
  const Packing many(kDegree + 20, 2), one(kDegree);
  ASSERT_EQ(many.prepared.size(), 2u);
  EXPECT_EQ(many.prepared[0].a, one.prepared[0].a);
  EXPECT_TRUE(equal_vartime(many.prepared[0].memory.bytes(), one.prepared[0].memory.bytes()));
  EXPECT_NE(many.prepared[1].a, one.prepared[0].a);
}

TEST(PirPacking, KeysAreOfTheRange) {
  const Crs crs("a", "ring32-v1");
  const PackingKeys one(kRing32, crs, Bytes{1}), same(kRing32, crs, Bytes{1}), other(kRing32, crs, Bytes{2});
  EXPECT_EQ(one.w, same.w);
  EXPECT_NE(one.w, other.w);
  EXPECT_NE(one.w, one.w_prime);
  EXPECT_NE(one.w_prime, other.w_prime);
}

}  // namespace
}  // namespace cwtch::pir
