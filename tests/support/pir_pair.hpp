// A server of private retrieval and its client, joined by bytes alone.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "pir/registry.hpp"
#include "tests/support/pir_rows.hpp"

namespace cwtch::pir {

inline void PrintTo(const Geometry& geometry, std::ostream* out) {
  *out << geometry.rows << " rows of " << geometry.row_bytes << " bytes from " << geometry.first_row << " in "
       << geometry.parts << (geometry.partition == Partition::interleaved ? " interleaved parts" : " parts");
}

}  // namespace cwtch::pir

namespace cwtch::test {

inline const pir::Context kPirContext{.server = "a"};

// A pir::Parallel.
inline void run_on_all_cores(size_t count, const std::function<void(size_t)>& task) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min<size_t>(count, std::max(1u, std::thread::hardware_concurrency())); ++i) {
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < count; mine = next++) task(mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Rows, their server, and a client of it.
struct PirPair {
  const pir::Scheme& scheme;
  const pir::Geometry geometry;
  RandomRows rows;
  std::unique_ptr<pir::Server> server;
  std::unique_ptr<pir::Client> client;

  PirPair(const pir::Scheme& of, const pir::Geometry& shape, const pir::Context& context = kPirContext)
      : PirPair(of, shape, context, RandomRows(shape, shape.rows * 31 + shape.first_row)) {}
  PirPair(const pir::Scheme& of, const pir::Geometry& shape, const pir::Context& context, RandomRows truth)
      : scheme(of), geometry(shape), rows(std::move(truth)) {
    EXPECT_TRUE(pir::check(geometry));
    EXPECT_TRUE(scheme.fits(geometry));
    server = scheme.serve(context, geometry, rows);
    client = connect(context);
  }
  std::unique_ptr<pir::Client> connect(const pir::Context& context) const {
    auto connected = scheme.connect(context, geometry, server->statics());
    EXPECT_TRUE(connected) << connected.error().message();
    return connected ? std::move(*connected) : nullptr;
  }

  Bytes answer(ByteView request) const {
    const Status status = server->check(request);
    EXPECT_TRUE(status) << status.error().message();
    return std::move(server->answer({&request, 1}).at(0));
  }
  std::vector<pir::Row> fetch(std::span<const uint64_t> wanted, Random& random) const {
    pir::Query query = client->query(wanted, random);
    auto fetched = client->recover(std::move(query.secret), answer(query.request));
    EXPECT_TRUE(fetched) << fetched.error().message();
    return fetched ? std::move(*fetched) : std::vector<pir::Row>();
  }

  // `fetched` is what was wanted, byte by byte, in the order of the numbers.
  void expect_rows(const std::vector<pir::Row>& fetched, std::vector<uint64_t> wanted) const {
    std::sort(wanted.begin(), wanted.end());
    ASSERT_EQ(fetched.size(), wanted.size());
    for (size_t i = 0; i < fetched.size(); ++i) {
      EXPECT_EQ(fetched[i].number, wanted[i]);
      EXPECT_TRUE(equal_vartime(fetched[i].bytes, rows[wanted[i]])) << "row " << wanted[i];
    }
  }
  void expect_fetches(const std::vector<uint64_t>& wanted, Random& random) const {
    expect_rows(fetch(wanted, random), wanted);
  }

  // One row of each part, or of most.
  std::vector<uint64_t> draw(Random& random) const {
    std::vector<uint64_t> wanted;
    for (uint32_t part = 0; part < geometry.parts; ++part) {
      if (geometry.parts == 1 || random.below(4) != 0) {
        wanted.push_back(geometry.row_at(part, random.below(geometry.part_rows(part))));
      }
    }
    return wanted;
  }
};

// The pair of this shape, made once: setting up costs seconds without vector instructions.
inline const PirPair& pir_pair(const pir::Scheme& scheme, const pir::Geometry& geometry) {
  using Key = std::tuple<std::string, uint64_t, uint64_t, uint32_t, uint32_t, pir::Partition>;
  static std::map<Key, std::unique_ptr<const PirPair>> made;
  auto& pair = made[{scheme.info().name, geometry.first_row, geometry.rows, geometry.row_bytes, geometry.parts,
                     geometry.partition}];
  if (!pair) pair = std::make_unique<const PirPair>(scheme, geometry);
  return *pair;
}

// A fixture for tests that run once for every scheme.
class EveryScheme : public testing::TestWithParam<const pir::Scheme*> {
 protected:
  const pir::Scheme& scheme() const { return *GetParam(); }
  bool takes(const pir::Geometry& geometry) const { return pir::check(geometry) && scheme().fits(geometry); }
  const PirPair& pair(const pir::Geometry& geometry) const { return pir_pair(scheme(), geometry); }
  // Whether anything is encrypted.
  bool encrypts() const { return scheme().info().classical_bits > 0; }
  // A handful of rows in as many parts as the scheme takes.
  pir::Geometry small() const {
    const pir::Geometry several{5000, 8, 512, 2, pir::Partition::interleaved};
    return takes(several) ? several : pir::Geometry{5000, 8, 512, 1};
  }
};
#define CWTCH_EVERY_SCHEME(Suite)                                                                 \
  INSTANTIATE_TEST_SUITE_P(Schemes, Suite, testing::ValuesIn(schemes().begin(), schemes().end()), \
                           [](const auto& each) { return std::string(each.param->info().name); })

}  // namespace cwtch::test
