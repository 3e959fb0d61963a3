// `--scheme auto`: the fewest bytes by public numbers.
#include <gmock/gmock.h>

#include "engine/client/choice.hpp"
#include "pir/fetch_bytes.hpp"
#include "pir/registry.hpp"

namespace cwtch::client {
namespace {

constexpr uint64_t kRecordBytes = 2800;

class ClientChoice : public testing::Test {
 protected:
  // A log of so many records of one row, in segments of 8,192, of which the schemes cover what their grids do.
  void make(uint64_t records) {
    facts_ = {.host = "h",
              .committed_end = records,
              .schemes = {"full", "simplepir", "ring32", "direct"},
              .query_admission = "open"};
    segments_ = {};
    while (segments_.tail_first + 8192 <= records) {
      segments_.segments.push_back(
          {.first = segments_.tail_first, .last = segments_.tail_first + 8191, .bytes = 8192 * kRecordBytes});
      segments_.tail_first += 8192;
    }
    offers_ = {.row_bytes = 3072};
    for (const char* const name : {"simplepir", "ring32", "direct"}) add(name, 0);
  }
  void add(const char* name, uint64_t first_row) {
    const pir::Scheme& scheme = *pir::find_scheme(name);
    SchemeOffer offer{.scheme = name, .parameters = scheme.info().parameters, .unit = scheme.info().rows_min};
    offer.rows_max = 65536;
    offer.first_row = offer.end_row = first_row;
    for (const auto& stretch : pir::Grid{.unit = offer.unit}.cover(first_row, segments_.tail_first)) {
      offer.databases.emplace_back();
      offer.end_row = stretch.first_row + stretch.rows;
    }
    offers_.offers.push_back(offer);
  }
  std::vector<Way> ways(uint64_t boundary = 0, uint32_t rounds = 16) const {
    return ways_to_fetch(facts_, offers_, segments_, FreeOfCharge(), boundary, rounds);
  }
  std::string choice(uint64_t boundary = 0, uint32_t rounds = 16) const { return ways(boundary, rounds)[0].scheme; }

  ServerFacts facts_;
  OfferList offers_;
  SegmentList segments_;
};

TEST_F(ClientChoice, TheFewestBytesByTheFormulas) {
  make(100'000);
  EXPECT_EQ(choice(0, 16), "ring32");
  EXPECT_EQ(choice(0, 256), "simplepir");
  EXPECT_EQ(choice(0, 1024), "full");
  for (const Way& way : ways()) {
    if (way.scheme == "full") {
      EXPECT_NEAR(way.bytes, 100'000.0 * kRecordBytes, 1);
    } else {
      const auto bytes = pir::fetch_bytes(*pir::find_scheme(way.scheme), {.end_row = 98'304, .rounds = 16});
      EXPECT_NEAR(way.bytes, bytes->total() + (100'000 - 98'304) * kRecordBytes, 1) << way.scheme;
    }
  }
}

TEST_F(ClientChoice, WhoHasMostOfItTakesTheRestInFull) {
  make(100'000);
  EXPECT_EQ(choice(segments_.tail_first), "full");
  EXPECT_EQ(choice(segments_.tail_first - 8192), "ring32");
}

TEST_F(ClientChoice, OnlyWhatIsOfferedNeedsNoTrustAndIsKnownHere) {
  make(100'000);
  for (const Way& way : ways()) EXPECT_NE(way.scheme, "direct");
  offers_.offers[1].parameters = "ring32-v2";
  EXPECT_EQ(choice(), "simplepir");
  facts_.schemes = {"full"};
  EXPECT_EQ(choice(), "full");
  facts_.schemes = {"full", "simplepir", "ring32"};
  offers_.offers.clear();
  EXPECT_EQ(choice(), "full");
}

TEST_F(ClientChoice, WhatCannotBePaidIsNoWay) {
  make(100'000);
  for (const char* const policy : {"closed", "tokens", ""}) {
    facts_.query_admission = policy;
    EXPECT_EQ(ways().size(), 1u) << policy;
    EXPECT_EQ(choice(), "full") << policy;
  }
}

TEST_F(ClientChoice, DatabasesThatDoNotReachBackAreNoWay) {
  make(100'000);
  offers_.offers.clear();
  add("ring32", 65536);
  EXPECT_EQ(choice(0), "full");
  EXPECT_EQ(choice(65536), "ring32");
}

}  // namespace
}  // namespace cwtch::client
