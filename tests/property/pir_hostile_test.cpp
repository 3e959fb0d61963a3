// Servers that lie and clients that send what they like: an error or rows of the right size, never a crash, never a
// byte read that is not there (run under ASan). A scheme alone cannot tell a wrong row from a right one.
#include <gmock/gmock.h>

#include "engine/core/codec.hpp"
#include "kernels/degree.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using test::PirPair;

class PirHostile : public test::EveryScheme {
 protected:
  // Whatever recover() says of this answer, it is an error or what was wanted in number and size.
  static void expect_harmless(const Client& client, std::span<const uint64_t> wanted, const Bytes& answer) {
    SeededRandom random(1);
    const auto rows = client.recover(client.query(wanted, random).secret, answer);
    if (!rows) {
      EXPECT_TRUE(rows.error().code == Errc::malformed || rows.error().code == Errc::corrupt);
      return;
    }
    ASSERT_EQ(rows->size(), wanted.size());
    for (const Row& row : *rows) {
      EXPECT_EQ(row.bytes.size(), client.geometry().row_bytes);
      EXPECT_EQ(std::count(wanted.begin(), wanted.end(), row.number), 1);
    }
  }
  // Every place of a short string, `samples` of a longer one.
  static std::vector<size_t> places(size_t size, size_t samples, Random& random) {
    std::vector<size_t> all;
    if (size <= samples) {
      for (size_t i = 0; i < size; ++i) all.push_back(i);
    } else {
      all = {0, size - 1};
      while (all.size() < samples) all.push_back(random.below(size));
    }
    return all;
  }
  // Wrong in length, by one or by much.
  static std::vector<Bytes> mislengthened(const Bytes& right) {
    std::vector<Bytes> wrong;
    for (const size_t size : {size_t{0}, size_t{1}, right.size() / 2, right.size() - 1, right.size() + 1,
                              right.size() + 8, 2 * right.size() + 2}) {
      if (size == right.size() || size > 4 * right.size() + 8) continue;
      wrong.push_back(right);
      wrong.back().resize(size);
    }
    return wrong;
  }
};

TEST_P(PirHostile, AnswersWithAnyByteFlipped) {
  const PirPair& both = pair(small());
  SeededRandom random(1);
  const std::vector<uint64_t> wanted = {both.geometry.row_at(0, 1)};
  const Bytes answer = both.answer(both.client->query(wanted, random).request);
  for (const size_t place : places(answer.size(), 2000, random)) {
    Bytes flipped = answer;
    flipped[place] ^= static_cast<uint8_t>(1 + random.below(255));
    expect_harmless(*both.client, wanted, flipped);
  }
}

TEST_P(PirHostile, AnswersOfAnyLengthAndContent) {
  const PirPair& both = pair(small());
  SeededRandom random(2);
  const std::vector<uint64_t> wanted = {both.geometry.row_at(0, 3)};
  const Bytes answer = both.answer(both.client->query(wanted, random).request);
  for (const Bytes& wrong : mislengthened(answer)) {
    expect_harmless(*both.client, wanted, wrong);
    if (scheme().info().leakage.links_sessions) continue;  // a shorter answer may be right
    EXPECT_FALSE(both.client->recover(both.client->query(wanted, random).secret, wrong)) << wrong.size() << " bytes";
  }
  for (const uint8_t fill : Bytes{0, 0x55, 0xff}) expect_harmless(*both.client, wanted, Bytes(answer.size(), fill));
  for (int i = 0; i < 20; ++i) {
    Bytes noise(answer.size());
    random.fill(noise);
    expect_harmless(*both.client, wanted, noise);
  }
}

TEST_P(PirHostile, StaticsWithAnyByteFlipped) {
  const PirPair& both = pair(small());
  SeededRandom random(3);
  const std::vector<uint64_t> wanted = {both.geometry.row_at(0, 2)};
  const Bytes answer = both.answer(both.client->query(wanted, random).request);
  for (size_t blob = 0; blob < both.server->statics().size(); ++blob) {
    for (const size_t place : places(both.server->statics()[blob].bytes.size(), 150, random)) {
      std::vector<Blob> statics = both.server->statics();
      statics[blob].bytes[place] ^= static_cast<uint8_t>(1 + random.below(255));
      const auto client = scheme().connect(test::kPirContext, both.geometry, statics);
      if (client) expect_harmless(**client, wanted, answer);
    }
  }
}

TEST_P(PirHostile, StaticsThatAreMissingOrTooManyOrOfAnotherSize) {
  const PirPair& both = pair(small());
  const std::vector<Blob>& right = both.server->statics();
  const auto connects = [&](std::vector<Blob> statics) {
    return scheme().connect(test::kPirContext, both.geometry, statics).has_value();
  };
  EXPECT_TRUE(connects(right));
  std::vector<Blob> more = right;
  more.push_back(make_blob({1, 2, 3}));
  EXPECT_FALSE(connects(more));
  more = right;
  more.push_back(right.empty() ? make_blob({}) : right[0]);
  EXPECT_FALSE(connects(more));
  if (right.empty()) return;
  EXPECT_FALSE(connects({}));
  for (const Bytes& wrong : mislengthened(right[0].bytes)) EXPECT_FALSE(connects({make_blob(wrong)}));
  // Of another geometry.
  Geometry wider = both.geometry;
  wider.row_bytes += kDegree;
  EXPECT_FALSE(scheme().connect(test::kPirContext, wider, right));
}

// Public randomness is the client's own: what a server of another name, another range or another size says does not
// decrypt, so that nobody can lend a client weaker parameters.
TEST_P(PirHostile, AnotherServersOrRangesAnswersDoNotDecrypt) {
  if (!encrypts()) GTEST_SKIP() << "nothing is encrypted";
  const PirPair& both = pair(small());
  SeededRandom random(4);
  const auto wrong_bytes = [&](const Client& client, uint64_t wanted, uint64_t truth) {
    Query query = client.query({&wanted, 1}, random);
    const auto rows = client.recover(std::move(query.secret), both.answer(query.request));
    EXPECT_TRUE(rows);
    size_t wrong = 0;
    for (size_t i = 0; i < both.geometry.row_bytes; ++i) wrong += rows->at(0).bytes[i] != both.rows[truth][i];
    return wrong;
  };
  const uint64_t first = both.geometry.first_row, most = both.geometry.row_bytes * 9 / 10;
  EXPECT_EQ(wrong_bytes(*both.client, first, first), 0u);
  for (const char* name : {"b", "", "aa"}) {
    EXPECT_GT(wrong_bytes(*both.connect({.server = name}), first, first), most) << "named '" << name << "'";
  }
  for (const uint64_t moved : {uint64_t{1}, kDegree, uint64_t{1} << 40}) {
    Geometry other = both.geometry;
    other.first_row += moved;
    const auto client = scheme().connect(test::kPirContext, other, both.server->statics());
    ASSERT_TRUE(client);
    EXPECT_GT(wrong_bytes(**client, other.first_row, first), most) << "moved by " << moved;
  }
}

TEST_P(PirHostile, QueriesOfAnotherSizeAreRefused) {
  for (const Geometry& geometry : {small(), Geometry{0, 1, 512, 1}, Geometry{5000, kDegree + 1, 512, 1}}) {
    const PirPair& both = pair(geometry);
    SeededRandom random(5);
    const Bytes right = both.client->query({}, random).request;
    ASSERT_TRUE(both.server->check(right));
    for (const Bytes& wrong : mislengthened(right)) {
      const Status status = both.server->check(wrong);
      ASSERT_FALSE(status) << wrong.size() << " bytes";
      EXPECT_EQ(status.error().code, Errc::malformed);
    }
  }
}

// check() is all that stands before answer(): what it lets through is answered.
TEST_P(PirHostile, WhatPassesTheCheckIsAnswered) {
  for (const Geometry& geometry :
       {small(), Geometry{0, 1, 512, 1}, Geometry{0, 2, 512, 1}, Geometry{5000, kDegree + 1, 512, 1}}) {
    const PirPair& both = pair(geometry);
    SeededRandom random(6);
    const Bytes right = both.client->query({}, random).request;
    std::vector<Bytes> requests = {Bytes(right.size()), Bytes(right.size(), 0xff), Bytes(right.size(), 0x80)};
    for (int i = 0; i < 30; ++i) {
      requests.push_back(right);
      if (i < 10) {
        random.fill(requests.back());
      } else {
        for (const size_t place : places(right.size(), 3, random)) {
          requests.back()[place] ^= static_cast<uint8_t>(1u << random.below(8));
        }
      }
    }
    for (const Bytes& request : requests) {
      if (!both.server->check(request)) continue;
      EXPECT_LE(both.answer(request).size(), both.client->answer_bytes());
    }
  }
}

// Numbers of the lattice schemes are below q and nothing lies behind the last: one spelling of every query.
TEST_P(PirHostile, NumbersBeyondTheModulusAreRefused) {
  if (!encrypts()) GTEST_SKIP() << "nothing is encrypted";
  for (const Geometry& geometry :
       {Geometry{0, 1, 512, 1}, Geometry{0, 2, 512, 1}, Geometry{5000, kDegree + 1, 512, 1}}) {
    const PirPair& both = pair(geometry);
    SeededRandom random(7);
    const Bytes right = both.client->query({}, random).request;
    EXPECT_FALSE(both.server->check(Bytes(right.size(), 0xff)));
    EXPECT_TRUE(both.server->check(Bytes(right.size(), 0)));
    // All ones, wherever they are: 64 bits in a row hold a whole number.
    for (const size_t place : places(right.size() - std::min<size_t>(8, right.size()) + 1, 200, random)) {
      Bytes wrong = right;
      for (size_t i = place; i < std::min(place + 8, wrong.size()); ++i) wrong[i] = 0xff;
      EXPECT_FALSE(both.server->check(wrong)) << "at " << place;
    }
  }
}

CWTCH_EVERY_SCHEME(PirHostile);

// A query of an odd number of rows ends in half a byte that says nothing.
TEST(PirHostileSimplePir, BitsBehindTheLastNumberAreRefused) {
  const auto& both = test::pir_pair(*find_scheme("simplepir"), {0, 1, 512, 1});
  SeededRandom random(8);
  const Bytes right = both.client->query({}, random).request;
  for (uint8_t bit = 0x10; bit != 0; bit = static_cast<uint8_t>(bit << 1)) {
    Bytes wrong = right;
    wrong.back() |= bit;
    EXPECT_FALSE(both.server->check(wrong));
  }
}

// The largest number that is allowed, and the next: (q - 1) / 16.
TEST(PirHostileSimplePir, TheLargestNumberIsTheLargestRoundedWord) {
  const auto& both = test::pir_pair(*find_scheme("simplepir"), {0, 2, 512, 1});
  EXPECT_TRUE(both.server->check(Bytes{0x00, 0x00, 0xff, 0x0f, 0x00, 0xf0, 0xff}));
  EXPECT_FALSE(both.server->check(Bytes{0x01, 0x00, 0xff, 0x0f, 0x00, 0xf0, 0xff}));
  EXPECT_FALSE(both.server->check(Bytes{0x00, 0x00, 0xff, 0x1f, 0x00, 0xf0, 0xff}));
}

TEST(PirHostileDirect, RowsOfOtherPartsAreRefused) {
  const auto& both = test::pir_pair(*find_scheme("direct"), {5000, 8, 512, 2});
  SeededRandom random(9);
  const auto request = [](uint64_t one, uint64_t other) {
    Bytes bytes(16);
    store_le(bytes.data(), one);
    store_le(bytes.data() + 8, other);
    return bytes;
  };
  EXPECT_TRUE(both.server->check(request(5003, 5004)));
  EXPECT_FALSE(both.server->check(request(5004, 5004)));
  EXPECT_FALSE(both.server->check(request(4999, 5004)));
  EXPECT_FALSE(both.server->check(request(5003, 5008)));
  EXPECT_FALSE(both.server->check(request(5003, UINT64_MAX - 1)));
}

}  // namespace
}  // namespace cwtch::pir
