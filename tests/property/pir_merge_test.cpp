// merge(a, b) is serve(a and b): for schemes whose public artefacts add up.
#include <gmock/gmock.h>

#include "kernels/degree.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;

class PirMerge : public test::EveryScheme {
 protected:
  // The pieces of the whole that end at these offsets, and at its end.
  std::vector<std::unique_ptr<Server>> pieces(const test::PirPair& whole, std::vector<uint64_t> ends) const {
    std::vector<std::unique_ptr<Server>> servers;
    ends.push_back(whole.geometry.rows);
    uint64_t begin = 0;
    for (const uint64_t end : ends) {
      Geometry piece = whole.geometry;
      piece.first_row += begin;
      piece.rows = end - begin;
      servers.push_back(scheme().serve(test::kPirContext, piece, whole.rows));
      begin = end;
    }
    return servers;
  }
  std::unique_ptr<Server> merged(std::unique_ptr<Server> older, std::unique_ptr<Server> newer) const {
    const Server* const parts[] = {older.get(), newer.get()};
    return scheme().merge(test::kPirContext, parts);
  }
  static void expect_same(const Server& server, const test::PirPair& whole) {
    EXPECT_EQ(server.geometry(), whole.geometry);
    EXPECT_EQ(server.memory_bytes(), whole.server->memory_bytes());
    ASSERT_EQ(server.statics().size(), whole.server->statics().size());
    for (size_t i = 0; i < server.statics().size(); ++i) {
      EXPECT_EQ(server.statics()[i].sha256, whole.server->statics()[i].sha256);
      EXPECT_EQ(server.statics()[i].bytes, whole.server->statics()[i].bytes);
    }
    SeededRandom random(1);
    for (const uint64_t row : {whole.geometry.first_row, whole.geometry.end_row() - 1}) {
      Query query = whole.client->query({&row, 1}, random);
      ASSERT_TRUE(server.check(query.request));
      const ByteView request = query.request;
      const Bytes answer = server.answer({&request, 1}).at(0);
      EXPECT_EQ(answer, whole.answer(query.request));
      const auto rows = whole.client->recover(std::move(query.secret), answer);
      ASSERT_TRUE(rows);
      whole.expect_rows(*rows, {row});
    }
  }
};

TEST_P(PirMerge, NeighboursMakeTheServerOfTheirUnion) {
  if (!scheme().info().merges) GTEST_SKIP() << "does not merge";
  for (const uint64_t first_row : {uint64_t{0}, uint64_t{1}, kDegree - 1, kDegree, uint64_t{5000}}) {
    const auto& whole = pair({first_row, 1300, 520, 1});
    for (const uint64_t end : std::initializer_list<uint64_t>{1, 24, 255, 256, 1000, kDegree, 1299}) {
      SCOPED_TRACE(testing::Message() << testing::PrintToString(whole.geometry) << ", cut at " << end);
      auto two = pieces(whole, {end});
      expect_same(*merged(std::move(two[0]), std::move(two[1])), whole);
    }
  }
}

TEST_P(PirMerge, ManyMergeInAnyOrder) {
  if (!scheme().info().merges) GTEST_SKIP() << "does not merge";
  const auto& whole = pair({5000, 1300, 520, 1});
  const std::vector<uint64_t> ends{3, 121, 400, 1144};

  auto left = pieces(whole, ends);
  std::unique_ptr<Server> sum = std::move(left[0]);
  for (size_t i = 1; i < left.size(); ++i) sum = merged(std::move(sum), std::move(left[i]));
  expect_same(*sum, whole);

  auto right = pieces(whole, ends);
  sum = std::move(right.back());
  for (size_t i = right.size() - 1; i > 0; --i) sum = merged(std::move(right[i - 1]), std::move(sum));
  expect_same(*sum, whole);

  const auto all = pieces(whole, ends);
  std::vector<const Server*> parts;
  for (const auto& part : all) parts.push_back(part.get());
  expect_same(*scheme().merge(test::kPirContext, parts), whole);
}

TEST_P(PirMerge, SchemesThatCannotSaySo) {
  const Geometry older{0, 2, 512, 1}, newer{2, 2, 512, 1};
  const Server* const parts[] = {pair(older).server.get(), pair(newer).server.get()};
  const auto one = scheme().merge(test::kPirContext, parts);
  EXPECT_EQ(one != nullptr, scheme().info().merges);
}

CWTCH_EVERY_SCHEME(PirMerge);

}  // namespace
}  // namespace cwtch::pir
