// What every scheme of private retrieval must do, whatever it is made of. Adding a scheme to the registry adds it here.
#include <gmock/gmock.h>

#include <algorithm>

#include "pir/registry.hpp"
#include "tests/support/pir_rows.hpp"

namespace cwtch::pir {
namespace {

const Context kServer{.server = "a"};

// Both halves, joined by bytes alone.
struct Pair {
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;

  Pair(const Scheme& scheme, const Geometry& geometry, const RowSource& rows) {
    EXPECT_TRUE(check(geometry));
    server = scheme.serve(kServer, geometry, rows);
    auto connected = scheme.connect(kServer, geometry, server->statics());
    EXPECT_TRUE(connected) << connected.error().message();
    if (connected) client = std::move(*connected);
  }
  Bytes answer(const Bytes& request) const {
    EXPECT_TRUE(server->check(request));
    const ByteView view = request;
    return server->answer({&view, 1}).at(0);
  }
  std::vector<Row> fetch(std::span<const uint64_t> wanted, Random& random) const {
    Query query = client->query(wanted, random);
    auto rows = client->recover(std::move(query.secret), answer(query.request));
    EXPECT_TRUE(rows);
    return rows ? std::move(*rows) : std::vector<Row>();
  }
};

void expect_rows(const std::vector<Row>& rows, std::vector<uint64_t> wanted, const test::RandomRows& truth) {
  std::sort(wanted.begin(), wanted.end());
  ASSERT_EQ(rows.size(), wanted.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].number, wanted[i]);
    EXPECT_TRUE(equal_vartime(rows[i].bytes, truth[wanted[i]])) << "row " << wanted[i];
  }
}

class PirConformance : public testing::TestWithParam<const Scheme*> {
 protected:
  const Scheme& scheme() const { return *GetParam(); }
  // Geometries that the scheme takes, odd ones first.
  std::vector<Geometry> geometries() const {
    std::vector<Geometry> taken;
    for (const uint64_t rows : {1, 2, 1023, 1024, 1025}) {
      for (const uint64_t first : {0, 5000}) {
        for (const uint32_t parts : {1, 3}) {
          for (const Partition partition : {Partition::contiguous, Partition::interleaved}) {
            const Geometry geometry{static_cast<uint64_t>(first), static_cast<uint64_t>(rows), 512, parts, partition};
            if (parts == 1 && partition == Partition::interleaved) continue;
            if (check(geometry) && scheme().fits(geometry)) taken.push_back(geometry);
          }
        }
      }
    }
    return taken;
  }
  // One row per part, drawn from the seed.
  static std::vector<uint64_t> draw(const Geometry& geometry, Random& random) {
    std::vector<uint64_t> wanted;
    for (uint32_t part = 0; part < geometry.parts; ++part) {
      if (geometry.parts == 1 || random.below(4) != 0) {
        wanted.push_back(geometry.row_at(part, random.below(geometry.part_rows(part))));
      }
    }
    return wanted;
  }
};

TEST_P(PirConformance, WantedRowsComeBackWhateverTheShape) {
  SeededRandom random(1);
  for (const Geometry& geometry : geometries()) {
    SCOPED_TRACE(testing::Message() << geometry.rows << " rows from " << geometry.first_row << " in " << geometry.parts
                                    << " parts");
    const test::RandomRows rows(geometry, geometry.rows + geometry.first_row);
    const Pair pair(scheme(), geometry, rows);
    ASSERT_TRUE(pair.client);
    const auto wanted = draw(geometry, random);
    expect_rows(pair.fetch(wanted, random), wanted, rows);
    expect_rows(pair.fetch({}, random), {}, rows);
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, PirConformance, testing::ValuesIn(schemes().begin(), schemes().end()),
                         [](const auto& each) { return std::string(each.param->info().name); });

}  // namespace
}  // namespace cwtch::pir
