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

using OpenedNumbers = Result<std::vector<uint32_t>> (*)(const Client&, const Secret&, ByteView);

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
    ring32_at({0, uint64_t{1} << 18, 1024, 1}, 4);
  } else {
    ring32_at({0, uint64_t{1} << 15, 1024, 4}, 2);
    ring32_at({0, uint64_t{1} << 16, 512, 1}, 2);
  }
}

TEST(PirNoise, SimplePirIsAsNoisyAsTheFormulaSays) {
  if (kFull) {
    simplepir_at({0, uint64_t{1} << 19, 1024, 1}, 4);
  } else {
    simplepir_at({1000, uint64_t{1} << 14, 1024, 1}, 2);
    simplepir_at({0, uint64_t{1} << 16, 512, 1}, 2);
  }
}

// Records are padded with zeros, so that at many offsets most rows hold the same byte, the lowest there is: three times
// the variance of random bytes, and the sum of all rounding errors of a query if they had a mean.
Noise noise_of_zeros(const Lattice& lattice, uint64_t columns) {
  Noise noise = noise_of(lattice, columns);
  noise.scan *= 128.0 * 128 / (kPlain * kPlain / 12.0);
  return noise;
}
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

TEST(PirNoise, PaddingDoesSimplePirNoHarm) {
  const Geometry geometry{0, uint64_t{1} << 17, 512, 1};
  const test::RandomRows rows = padding(geometry);
  const auto server = SimplePir().serve(kThreads, geometry, rows);
  const Measured measured =
      measure(*server, clients_of<SimplePir>(*server, kClients), SimplePir::opened_numbers, rows, 1, 1);
  expect_padding_does_no_harm("simplepir, padding", geometry, measured, noise_of_zeros(kSimplePir1, geometry.rows));
}

TEST(PirNoise, PaddingDoesRing32NoHarm) {
  const Geometry geometry{0, uint64_t{1} << 16, 512, 1};
  const test::RandomRows rows = padding(geometry);
  const auto server = Ring32().serve(kThreads, geometry, rows);
  const Measured measured = measure(*server, clients_of<Ring32>(*server, kClients), opened_numbers, rows, 1, 1);
  expect_padding_does_no_harm("ring32, padding", geometry, measured, noise_of_zeros(kRing32, geometry.rows));
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

// What parameters are safe for, by formula: random bytes at the widest a scheme takes, and the worst bytes at what a
// server's grid offers.
TEST(PirNoise, MarginsAreWideEnough) {
  for (const Lattice* set : {&kSimplePir1, &kRing32}) {
    EXPECT_GE(noise_of(*set, set->columns_max).margin(), kMarginMin) << set->name;
    EXPECT_GE(noise_of_zeros(*set, 65536).margin(), kMarginMin) << set->name;
    std::printf(
        "%s: margin %.2f at 2^19 columns of random bytes, 2^%.0f per number; of zeros: %.2f at 2^19, %.2f at "
        "2^16\n",
        set->name, noise_of(*set, uint64_t{1} << 19).margin(), noise_of(*set, uint64_t{1} << 19).failure_log2(),
        noise_of_zeros(*set, uint64_t{1} << 19).margin(), noise_of_zeros(*set, 65536).margin());
  }
}

}  // namespace
}  // namespace cwtch::pir
