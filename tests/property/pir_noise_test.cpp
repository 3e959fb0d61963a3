// The error of decryption, measured, against the formula that parameters are chosen by (pir/lattice/parameters.hpp).
// The larger sizes, up to 10^4 packings of 2^18 columns, are measured when CWTCH_PIR_FULL is set.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "pir/lattice/encryption.hpp"
#include "pir/ring32/ring32.hpp"
#include "pir/simplepir/simplepir.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

const bool kFull = std::getenv("CWTCH_PIR_FULL") != nullptr;
const Context kThreads{.server = "a", .parallel = test::run_on_all_cores};

struct Measured {
  uint64_t numbers = 0, wrong = 0;
  double sum = 0, squares = 0;  // of errors modulo q

  void add(uint32_t phi, uint8_t truth) {
    const uint32_t exact = static_cast<uint32_t>(truth ^ 0x80) << (kHintBits - 8);
    const auto error = static_cast<int32_t>((phi - exact) << (32 - kHintBits)) >> (32 - kHintBits);
    const double modulo_q = error * (kernels::kQ / std::exp2(kHintBits));
    ++numbers;
    wrong += nearest_byte(phi).byte != truth;
    sum += modulo_q;
    squares += modulo_q * modulo_q;
  }
  double count() const { return static_cast<double>(numbers); }
  double mean() const { return sum / count(); }
  double deviation() const { return std::sqrt(squares / count()); }
  double failures() const { return static_cast<double>(wrong) / count(); }
};

using OpenedNumbers = Result<SecretWords> (*)(const Client&, const Secret&, ByteView);

// Batches of one query from each of `clients` clients, each for a random row of every part.
Measured measure(const Server& server, const std::vector<std::unique_ptr<Client>>& clients, OpenedNumbers opened,
                 const test::RandomRows& rows, size_t batches, uint64_t seed) {
  const Geometry& geometry = server.geometry();
  Measured measured;
  SeededRandom random(seed);
  for (size_t batch = 0; batch < batches; ++batch) {
    std::vector<Query> queries;
    std::vector<std::vector<uint64_t>> wanted;
    std::vector<ByteView> requests;
    for (const auto& client : clients) {
      wanted.emplace_back();
      for (uint32_t part = 0; part < geometry.parts; ++part) {
        wanted.back().push_back(geometry.row_at(part, random.below(geometry.part_rows(part))));
      }
      queries.push_back(client->query(wanted.back(), random));
    }
    for (const Query& query : queries) requests.emplace_back(query.request);
    const std::vector<Bytes> answers = server.answer(requests);
    for (size_t i = 0; i < clients.size(); ++i) {
      const auto numbers = opened(*clients[i], *queries[i].secret, answers[i]);
      EXPECT_TRUE(numbers);
      for (size_t part = 0; part < geometry.parts; ++part) {
        const ByteView truth = rows[wanted[i][part]];
        for (size_t r = 0; r < truth.size(); ++r) measured.add((*numbers)[part * geometry.row_bytes + r], truth[r]);
      }
    }
  }
  return measured;
}

template <class Scheme>
std::vector<std::unique_ptr<Client>> clients_of(const Server& server, size_t count, double sigma = kSigma) {
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(std::move(*Scheme(sigma).connect(kThreads, server.geometry(), server.statics())));
  }
  return clients;
}

void report(const char* what, const Geometry& geometry, const Measured& measured, const Noise& noise) {
  std::printf("%s, %s: %llu numbers, %llu wrong; deviation %.4g, formula %.4g, ratio %.4f; mean %.3g; margin %.2f\n",
              what, testing::PrintToString(geometry).c_str(), static_cast<unsigned long long>(measured.numbers),
              static_cast<unsigned long long>(measured.wrong), measured.deviation(), noise.deviation(),
              measured.deviation() / noise.deviation(), measured.mean(), noise.margin());
}

// Right bytes, and noise within 5 % of the formula.
void expect_noise(const char* what, const Geometry& geometry, const Measured& measured, const Noise& noise) {
  report(what, geometry, measured, noise);
  EXPECT_EQ(measured.wrong, 0u);
  EXPECT_NEAR(measured.deviation() / noise.deviation(), 1, 0.05);
  EXPECT_LT(std::abs(measured.mean()), 0.05 * noise.deviation());
}

constexpr size_t kClients = 8;

void ring32_at(const Geometry& geometry, size_t batches) {
  const Ring32 scheme;
  ASSERT_TRUE(check(geometry) && scheme.fits(geometry));
  const test::RandomRows rows(geometry, 1);
  const auto server = scheme.serve(kThreads, geometry, rows);
  const Measured measured =
      measure(*server, clients_of<Ring32>(*server, kClients), opened_numbers, rows, batches, geometry.rows);
  expect_noise("ring32", geometry, measured, noise_of(kRing32, geometry.part_rows(0)));
}

void simplepir_at(const Geometry& geometry, size_t batches) {
  const SimplePir scheme;
  ASSERT_TRUE(check(geometry) && scheme.fits(geometry));
  const test::RandomRows rows(geometry, 1);
  const auto server = scheme.serve(kThreads, geometry, rows);
  const Measured measured = measure(*server, clients_of<SimplePir>(*server, kClients), SimplePir::opened_numbers, rows,
                                    batches, geometry.rows);
  expect_noise("simplepir", geometry, measured, noise_of(kSimplePir1, geometry.rows));
}

TEST(PirNoise, Ring32IsAsNoisyAsTheFormulaSays) {
  if (kFull) {
    ring32_at({0, uint64_t{1} << 18, 3072, 8, Partition::interleaved}, 53);  // 10,176 packings
    ring32_at({0, columns_max(kRing32), 1024, 1}, 4);
  } else {
    ring32_at({0, uint64_t{1} << 15, 1024, 4}, 2);
    ring32_at({0, uint64_t{1} << 16, 512, 1}, 2);
  }
}

TEST(PirNoise, SimplePirIsAsNoisyAsTheFormulaSays) {
  if (kFull) {
    simplepir_at({0, columns_max(kSimplePir1), 1024, 1}, 4);
  } else {
    simplepir_at({1000, uint64_t{1} << 14, 1024, 1}, 2);
    simplepir_at({0, uint64_t{1} << 16, 512, 1}, 2);
  }
}

// Records are padded with zeros, so that at many offsets most rows hold the same byte, the lowest there is: three times
// the variance of random bytes, and the sum of all rounding errors of a query if they had a mean.
Noise noise_of_zeros(const Lattice& lattice, uint64_t columns) { return noise_of(lattice, columns, kSigma, kPadding); }
test::RandomRows padding(const Geometry& geometry) {
  test::RandomRows rows(geometry, 1);
  for (uint64_t row = geometry.first_row; row < geometry.end_row(); ++row) {
    const MutableBytes bytes = rows.row(row);
    if (row % 512 != 0) std::fill(bytes.begin(), bytes.end(), uint8_t{0});
  }
  return rows;
}
// One number per query only, as all offsets share their errors: many queries, and no 5 %.
void expect_padding_does_no_harm(const char* what, const Geometry& geometry, const Measured& measured,
                                 const Noise& noise) {
  report(what, geometry, measured, noise);
  EXPECT_EQ(measured.wrong, 0u);
  EXPECT_LT(measured.deviation(), 2 * noise.deviation());
  EXPECT_LT(std::abs(measured.mean()), 2 * noise.deviation());
}

// As many rows as a scheme takes; of few bytes, since all offsets of one query have nearly the same error.
template <class Scheme>
void padding_at(const Geometry& geometry, const Lattice& set, OpenedNumbers opened) {
  ASSERT_TRUE(Scheme().fits(geometry));
  const test::RandomRows rows = padding(geometry);
  const auto server = Scheme().serve(kThreads, geometry, rows);
  const Measured measured = measure(*server, clients_of<Scheme>(*server, kClients), opened, rows, kFull ? 32 : 4, 1);
  expect_padding_does_no_harm(set.name, geometry, measured, noise_of_zeros(set, geometry.rows));
}

TEST(PirNoise, PaddingDoesSimplePirNoHarm) {
  padding_at<SimplePir>({0, columns_max(kSimplePir1), 64, 1}, kSimplePir1, SimplePir::opened_numbers);
}

TEST(PirNoise, PaddingDoesRing32NoHarm) {
  padding_at<Ring32>({0, columns_max(kRing32), 64, 1}, kRing32, opened_numbers);
}

// The deviation of secrets and errors that leaves this margin.
double sigma_for(const Lattice& lattice, uint64_t columns, double margin) {
  double low = kSigma, high = 1000;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (noise_of(lattice, columns, middle).margin() > margin ? low : high) = middle;
  }
  return low;
}

// With more noise than is wise decryption fails as often as the formula says, within a quarter: so do its predictions
// for margins at which no failure will ever be seen.
TEST(PirNoise, FailuresAppearWhereTheFormulaSays) {
  const Geometry geometry{0, 4096, 1024, 4};
  const test::RandomRows rows(geometry, 1);
  const auto server = Ring32().serve(kThreads, geometry, rows);
  for (const double margin : {2.0, 2.7}) {
    const double sigma = sigma_for(kRing32, geometry.part_rows(0), margin);
    const Noise noise = noise_of(kRing32, geometry.part_rows(0), sigma);
    const Measured measured =
        measure(*server, clients_of<Ring32>(*server, kClients, sigma), opened_numbers, rows, kFull ? 12 : 3, 1);
    report("ring32, too noisy", geometry, measured, noise);
    std::printf("  failures: %.3g, formula %.3g\n", measured.failures(), std::exp2(noise.failure_log2()));
    EXPECT_GT(measured.failures(), std::exp2(noise.failure_log2()) / 1.25);
    EXPECT_LT(measured.failures(), std::exp2(noise.failure_log2()) * 1.25);
  }
}

TEST(PirNoise, SimplePirFailsWhereTheFormulaSays) {
  const Geometry geometry{0, 4096, 1024, 1};
  const test::RandomRows rows(geometry, 1);
  const auto server = SimplePir().serve(kThreads, geometry, rows);
  for (const double margin : {2.0, 2.7}) {
    const double sigma = sigma_for(kSimplePir1, geometry.rows, margin);
    const Noise noise = noise_of(kSimplePir1, geometry.rows, sigma);
    const Measured measured = measure(*server, clients_of<SimplePir>(*server, kClients, sigma),
                                      SimplePir::opened_numbers, rows, kFull ? 32 : 8, 1);
    report("simplepir, too noisy", geometry, measured, noise);
    std::printf("  failures: %.3g, formula %.3g\n", measured.failures(), std::exp2(noise.failure_log2()));
    EXPECT_GT(measured.failures(), std::exp2(noise.failure_log2()) / 1.25);
    EXPECT_LT(measured.failures(), std::exp2(noise.failure_log2()) * 1.25);
  }
}

// By the docs' formulas, written again: how many deviations lie between a byte and the next, where all of them are 0.
double margin_of_zeros(const Lattice& set, double columns) {
  constexpr double q = 4293918721, d = 1024, s2 = 11 * 11;
  const double query = set.dropped_query_bits == 4 ? 16.0 * 16 / 12 : 0;
  const double pack = set.digits == 5 ? 1023 * d * s2 * (4 * 64 * 64 + std::pow(q / (4 * std::pow(64, 4)), 2)) / 12 : 0;
  const double drop = set.digits == 5 ? 1023 * d * s2 * 4 * 4 / 12 : 0;
  const double change = d * s2 * std::pow(q / (1 << 20), 2) / 12 + std::pow(q / (1 << 12), 2) / 12;
  return std::floor(q / 256) / 2 / std::sqrt(columns * (s2 + query) * 128 * 128 + pack + drop + change);
}

// The widest matrix that a scheme takes keeps the rule even where every row is padding, and one twice as wide would
// not: 2^18 columns for simplepir, 2^17 for ring32.
TEST(PirNoise, TheWidestMatrixKeepsTheMarginAndTheNextDoesNot) {
  for (const auto& [set, columns_log2] : {std::pair(&kSimplePir1, 18), std::pair(&kRing32, 17)}) {
    SCOPED_TRACE(set->name);
    const uint64_t columns = columns_max(*set);
    EXPECT_EQ(columns, uint64_t{1} << columns_log2);
    for (const uint64_t width : {uint64_t{1}, uint64_t{65'536}, columns, 2 * columns}) {
      const double expected = margin_of_zeros(*set, static_cast<double>(width));
      EXPECT_NEAR(noise_of_zeros(*set, width).margin(), expected, 1e-9 * expected) << width;
    }
    EXPECT_GE(margin_of_zeros(*set, static_cast<double>(columns)), kMarginMin);
    EXPECT_LT(margin_of_zeros(*set, static_cast<double>(2 * columns)), kMarginMin);
    EXPECT_GT(noise_of(*set, columns).margin(), noise_of_zeros(*set, columns).margin());
    std::printf("%s: margin at 2^%d columns: %.2f of random bytes, 2^%.0f per number; %.2f of zeros, 2^%.0f\n",
                set->name, columns_log2, noise_of(*set, columns).margin(), noise_of(*set, columns).failure_log2(),
                noise_of_zeros(*set, columns).margin(), noise_of_zeros(*set, columns).failure_log2());
  }
}

// fits() draws the line there: per part, of which the widest counts.
TEST(PirNoise, SchemesTakeNothingWider) {
  const uint64_t whole = columns_max(kSimplePir1), part = columns_max(kRing32);
  EXPECT_TRUE(SimplePir().fits({.rows = whole}));
  EXPECT_EQ(SimplePir().fits({.rows = whole + 1}).error().code, Errc::unsupported);
  EXPECT_TRUE(Ring32().fits({.rows = 8 * part, .parts = 8}));
  EXPECT_EQ(Ring32().fits({.rows = 8 * part + 1, .parts = 8}).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace cwtch::pir
