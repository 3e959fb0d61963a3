// The example of docs/pir/adding_a_scheme.md does what the document says, and what every scheme must.
#include <gmock/gmock.h>

#include "tests/support/example_scheme.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

using test::Halves;
using test::PirPair;

const Halves kHalves;
const Geometry kShapes[] = {{0, 1, 512, 1}, {7, 2, 512, 1}, {7, 9, 512, 1}, {5000, 10, 3072, 1}};

TEST(PirExample, EveryRowComesBack) {
  SeededRandom random(1);
  for (const Geometry& geometry : kShapes) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair both(kHalves, geometry);
    ASSERT_TRUE(both.client);
    for (uint64_t row = geometry.first_row; row < geometry.end_row(); ++row) both.expect_fetches({row}, random);
    both.expect_fetches({}, random);
  }
}

TEST(PirExample, SizesFollowFromTheGeometryAlone) {
  SeededRandom random(2);
  for (const Geometry& geometry : kShapes) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair both(kHalves, geometry);
    ASSERT_TRUE(both.client);
    const Cost cost = kHalves.cost(geometry, 1);
    EXPECT_EQ(cost.request_bytes, static_cast<double>(both.client->request_bytes()));
    EXPECT_EQ(cost.answer_bytes, static_cast<double>(both.client->answer_bytes()));
    EXPECT_EQ(cost.server_bytes, static_cast<double>(both.server->memory_bytes()));
    EXPECT_TRUE(both.server->statics().empty());
    for (const auto& wanted :
         {std::vector<uint64_t>(), std::vector{geometry.first_row}, std::vector{geometry.end_row() - 1}}) {
      const Query query = both.client->query(wanted, random);
      EXPECT_EQ(query.request.size(), both.client->request_bytes());
      EXPECT_EQ(both.answer(query.request).size(), both.client->answer_bytes());
    }
  }
}

TEST(PirExample, BatchesYieldWhatSingleQueriesDo) {
  const PirPair both(kHalves, {7, 9, 512, 1});
  const Bytes first(1, 0), second(1, 1);
  const ByteView requests[] = {second, first, second};
  const std::vector<Bytes> answers = both.server->answer(requests);
  EXPECT_THAT(answers, testing::ElementsAre(both.answer(second), both.answer(first), both.answer(second)));
  EXPECT_NE(answers[0], answers[1]);
}

TEST(PirExample, WhatStrangersSendIsRefused) {
  const PirPair both(kHalves, {7, 9, 512, 1});
  ASSERT_TRUE(both.client);
  for (const Bytes& request : {Bytes(), Bytes(1, 2), Bytes(1, 255), Bytes(2, 0)}) {
    EXPECT_FALSE(both.server->check(request));
  }
  SeededRandom random(3);
  const std::vector<uint64_t> wanted{8};
  for (const uint64_t size : {uint64_t{0}, both.client->answer_bytes() - 1, both.client->answer_bytes() + 1}) {
    EXPECT_FALSE(both.client->recover(both.client->query(wanted, random).secret, Bytes(size)));
  }
  const Blob blob = make_blob(Bytes(1, 0));
  EXPECT_FALSE(kHalves.connect(test::kPirContext, both.geometry, {&blob, 1}));
}

// What it leaks it says, so nobody gets it without having asked for it.
TEST(PirExample, IsOfferedByNobodyUnasked) {
  EXPECT_TRUE(kHalves.info().relaxed());
  EXPECT_STRNE(kHalves.info().leakage.note, "");
  EXPECT_EQ(find_scheme(kHalves.info().name), nullptr);
  EXPECT_FALSE(kHalves.fits({0, 8, 512, 2}));
}

}  // namespace
}  // namespace cwtch::pir
