// Public randomness and the Gaussian, against a second implementation (tests/vectors/pir_crs.py) and against what their
// distributions are.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "pir/lattice/crs.hpp"
#include "pir/lattice/gaussian.hpp"
#include "pir/lattice/parameters.hpp"

namespace cwtch::pir {
namespace {

nlohmann::json vectors() {
  std::ifstream file("tests/vectors/pir_crs.json");
  EXPECT_TRUE(file) << "run from the top of the tree";
  return nlohmann::json::parse(file);
}

using Slots = std::vector<uint32_t>;
Slots polynomial(const Crs& crs, ByteView domain) {
  Slots slots(kernels::kDegree);
  crs.polynomial(domain, std::span<uint32_t, kernels::kDegree>(slots));
  return slots;
}

TEST(PirCrs, YieldsTheVectorsOfASecondImplementation) {
  const auto all = vectors()["polynomials"];  // a loop over a temporary would not keep it
  for (const auto& c : all) {
    const Crs crs(c["server"].get<std::string>(), c["parameters"].get<std::string>());
    const Slots slots = polynomial(crs, *from_hex(c["domain_hex"].get<std::string>()));
    const auto first = c["first"].get<Slots>();
    EXPECT_EQ(Slots(slots.begin(), slots.begin() + static_cast<ptrdiff_t>(first.size())), first);
    uint64_t sum = 0;
    for (const uint32_t slot : slots) sum += slot;
    EXPECT_EQ(sum, c["sum"].get<uint64_t>());
  }
}

TEST(PirCrs, DomainsAreThoseOfTheVectors) {
  EXPECT_EQ(to_hex(block_domain(7)), vectors()["polynomials"][1]["domain_hex"]);
  EXPECT_EQ(to_hex(range_domain("w", Bytes{1, 2, 3}, 4)), vectors()["polynomials"][2]["domain_hex"]);
}

// Names and domains that touch each other's borders, and every number: each its own polynomial.
TEST(PirCrs, EverythingHasItsOwnRandomness) {
  std::set<Slots> all;
  size_t count = 0;
  for (const char* server : {"", "a", "ab", "abc"}) {
    for (const char* parameters : {"", "b", "bc", "c", "simplepir-v1", "ring32-v1"}) {
      const Crs crs(server, parameters);
      for (const Bytes& domain :
           {block_domain(0), block_domain(1), block_domain(uint64_t{1} << 56), range_domain("a", {}, 0),
            range_domain("w", {}, 0), range_domain("v", {}, 0), range_domain("a", Bytes(25), 0),
            range_domain("a", Bytes(25), 1), range_domain("w", Bytes(25), 0), range_domain("v", Bytes(25), 0)}) {
        all.insert(polynomial(crs, domain));
        ++count;
      }
    }
  }
  EXPECT_EQ(all.size(), count);
}

TEST(PirCrs, WordsAreUniformBelowQ) {
  const Crs crs("server", "set");
  uint64_t buckets[16] = {};
  constexpr uint64_t kPolynomials = 64, kWords = kPolynomials * kernels::kDegree;
  for (uint64_t block = 0; block < kPolynomials; ++block) {
    for (const uint32_t word : polynomial(crs, block_domain(block))) {
      ASSERT_LT(word, kernels::kQ);
      ++buckets[uint64_t{word} * 16 / kernels::kQ];
    }
  }
  for (const uint64_t bucket : buckets)
    EXPECT_NEAR(static_cast<double>(bucket), kWords / 16.0, 6 * std::sqrt(kWords / 16.0));
}

std::vector<int64_t> samples(double sigma, size_t count, uint64_t seed = 1) {
  SeededRandom random(seed);
  Gaussian gaussian(random, sigma);
  std::vector<uint32_t> words(count);
  gaussian.sample(words);
  std::vector<int64_t> values;
  for (const uint32_t word : words) {
    EXPECT_LT(word, kernels::kQ);
    values.push_back(kernels::centred(word));
  }
  return values;
}

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(MutableBytes to) override {
    ASSERT_EQ(to.size(), bytes_.size());
    std::copy(bytes_.begin(), bytes_.end(), to.begin());
  }

 private:
  const Bytes bytes_;
};

TEST(PirGaussian, YieldsTheVectorsOfASecondImplementation) {
  const auto all = vectors()["gaussian"];
  for (const auto& c : all) {
    FixedRandom random(*from_hex(c["key_hex"].get<std::string>()));
    Gaussian gaussian(random, c["sigma"].get<double>());
    for (const auto& call : c["calls"]) {
      const auto expected = call.get<std::vector<int64_t>>();
      std::vector<uint32_t> words(expected.size());
      gaussian.sample(words);
      for (size_t i = 0; i < words.size(); ++i) ASSERT_EQ(kernels::centred(words[i]), expected[i]) << "sample " << i;
    }
  }
}

// Pearson's test against exp(-x^2 / 2 sigma^2): at wide and narrow deviations, where zero is frequent and where it is
// not.
TEST(PirGaussian, ProbabilitiesAreExact) {
  constexpr size_t kCount = 1 << 20;
  for (const double sigma : {0.5, 2.0, kSigma, 40.0}) {
    double total = 0;
    const auto weight = [sigma](int64_t x) { return std::exp(-static_cast<double>(x * x) / (2 * sigma * sigma)); };
    const auto widest = static_cast<int64_t>(10 * sigma);
    for (int64_t x = -widest; x <= widest; ++x) total += weight(x);
    std::map<int64_t, uint64_t> seen;
    for (const int64_t value : samples(sigma, kCount)) ++seen[value];

    double chi = 0, degrees = -1, rest_expected = 0, rest_seen = 0;
    for (int64_t x = -widest; x <= widest; ++x) {
      const double expected = kCount * weight(x) / total;
      if (expected < 20) {
        rest_expected += expected;
        rest_seen += static_cast<double>(seen[x]);
        continue;
      }
      const double off = static_cast<double>(seen[x]) - expected;
      chi += off * off / expected;
      ++degrees;
    }
    if (rest_expected > 5) {
      chi += (rest_seen - rest_expected) * (rest_seen - rest_expected) / rest_expected;
      ++degrees;
    }
    EXPECT_LT(chi, degrees + 5 * std::sqrt(2 * degrees)) << "deviation " << sigma;
    EXPECT_GT(chi, degrees - 5 * std::sqrt(2 * degrees)) << "deviation " << sigma;
  }
}

TEST(PirGaussian, MomentsAreThoseOfANormalDistribution) {
  constexpr size_t kCount = 1 << 20;
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0;
  const std::vector<int64_t> values = samples(kSigma, kCount, 2);
  for (size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(values[i]) / kSigma;
    sum += x, squares += x * x, cubes += x * x * x, fourths += x * x * x * x;
    if (i > 0) neighbours += x * static_cast<double>(values[i - 1]) / kSigma;
  }
  const double error = 1 / std::sqrt(kCount);
  EXPECT_NEAR(sum / kCount, 0, 5 * error);
  EXPECT_NEAR(squares / kCount, 1, 5 * error * std::sqrt(2));
  EXPECT_NEAR(cubes / kCount, 0, 5 * error * std::sqrt(15));
  EXPECT_NEAR(fourths / kCount, 3, 5 * error * std::sqrt(96));
  EXPECT_NEAR(neighbours / kCount, 0, 5 * error);
}

TEST(PirGaussian, CallsNeverRepeatAndSeedsDo) {
  EXPECT_EQ(samples(kSigma, 1000, 3), samples(kSigma, 1000, 3));
  EXPECT_NE(samples(kSigma, 1000, 3), samples(kSigma, 1000, 4));
  SeededRandom random(3);
  Gaussian gaussian(random, kSigma);
  std::vector<uint32_t> one(64), two(64);
  gaussian.sample(one);
  gaussian.sample(two);
  EXPECT_NE(one, two);
  // Lengths that are no multiple of what is drawn at once.
  std::vector<uint32_t> odd(1 + 63 + 65);
  gaussian.sample(std::span(odd).first(1));
  gaussian.sample(std::span(odd).subspan(1, 63));
  gaussian.sample(std::span(odd).subspan(64));
  gaussian.sample({});
}

}  // namespace
}  // namespace cwtch::pir
