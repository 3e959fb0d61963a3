// Every scheme in a ring of degree 32, by everything there is: every row of every range, width, height and partition up
// to sizes beyond every border, every cut of a merge, every byte at every place. tests/property has samples of it at
// the real degree.
//
// A block of columns is a panel here, and four are a stripe: matrices as small as these have every shape that large
// ones have.
#include <gmock/gmock.h>

#include <cstdio>

#include "kernels/scan.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kStripeColumns;
using test::PirPair;

constexpr uint32_t kPolynomial = kDegree;  // bytes of a row that are packed together
static_assert(kPolynomial == kRowBytesMin);

class Toy : public test::EveryScheme {
 protected:
  ~Toy() override {
    if (databases_ > 0) std::printf("%zu databases, %zu fetches\n", databases_, fetches_);
  }

  // What went over the wire for one database, to be asked again all together.
  struct Wire {
    std::vector<Bytes> requests, answers;
  };
  void expect_fetches(const PirPair& both, const std::vector<uint64_t>& wanted, Wire& wire) {
    SCOPED_TRACE("rows " + testing::PrintToString(wanted));
    fetches_ += 1;
    Query query = both.client->query(wanted, random_);
    ASSERT_EQ(query.request.size(), both.client->request_bytes());
    Bytes answer = both.answer(query.request);
    if (scheme().info().leakage.links_sessions) {
      ASSERT_LE(answer.size(), both.client->answer_bytes());
    } else {
      ASSERT_EQ(answer.size(), both.client->answer_bytes());
    }
    const auto rows = both.client->recover(std::move(query.secret), answer);
    ASSERT_TRUE(rows) << rows.error().message();
    ASSERT_NO_FATAL_FAILURE(both.expect_rows(*rows, wanted));
    ASSERT_FALSE(testing::Test::HasFailure());
    wire.requests.push_back(std::move(query.request));
    wire.answers.push_back(std::move(answer));
  }
  // Nothing; each row by itself; and each part's first row, each part's second row, and so on. Then all in one batch.
  void expect_every_row(const PirPair& both) {
    const Geometry& geometry = both.geometry;
    databases_ += 1;
    Wire wire;
    ASSERT_NO_FATAL_FAILURE(expect_fetches(both, {}, wire));
    for (uint64_t row = geometry.first_row; row < geometry.end_row(); ++row)
      ASSERT_NO_FATAL_FAILURE(expect_fetches(both, {row}, wire));
    for (uint64_t index = 0; geometry.parts > 1 && index * geometry.parts < geometry.rows; ++index) {
      std::vector<uint64_t> wanted;
      for (uint32_t part = 0; part < geometry.parts; ++part) {
        if (index < geometry.part_rows(part)) wanted.push_back(geometry.row_at(part, index));
      }
      ASSERT_NO_FATAL_FAILURE(expect_fetches(both, wanted, wire));
    }
    ASSERT_EQ(both.server->answer(std::vector<ByteView>(wire.requests.begin(), wire.requests.end())), wire.answers);
  }
  // Nothing where the scheme does not take the shape.
  void expect_every_row(const Geometry& geometry) {
    if (!takes(geometry)) return;
    SCOPED_TRACE(testing::PrintToString(geometry));
    expect_every_row(PirPair(scheme(), geometry));
  }

  SeededRandom random_{1};
  size_t databases_ = 0, fetches_ = 0;
};

TEST_P(Toy, EveryRowOfEveryRange) {
  for (uint64_t first = 0; first <= kDegree + 1; ++first)
    for (uint64_t rows = 1; rows <= kDegree + 2; ++rows)
      ASSERT_NO_FATAL_FAILURE(expect_every_row({first, rows, kPolynomial, 1}));
}

// Two blocks of rows: with several stripes their order matters.
TEST_P(Toy, EveryRowOfEveryWidth) {
  for (uint64_t rows = 1; rows <= 2 * kStripeColumns + 1; ++rows)
    ASSERT_NO_FATAL_FAILURE(expect_every_row({kDegree / 2 + 1, rows, kernels::kBlockRows + kPolynomial, 1}));
}

TEST_P(Toy, EveryRowOfEveryHeight) {
  for (uint32_t bytes = kRowBytesMin; bytes <= 2 * kernels::kBlockRows + kPolynomial + 1; ++bytes)
    ASSERT_NO_FATAL_FAILURE(expect_every_row({kDegree - 1, kDegree + 2, bytes, 1}));
}

// Parts in part of one block, and three groups of those that are prepared together; then parts of several blocks.
TEST_P(Toy, EveryRowOfEveryPartition) {
  constexpr uint64_t kTogether = 8;  // ring32 keeps the hints of so many
  for (uint64_t rows = 1; rows <= 3 * kTogether + 1; ++rows) {
    for (uint32_t parts = 1; parts <= rows; ++parts) {
      ASSERT_NO_FATAL_FAILURE(expect_every_row({7, rows, kPolynomial, parts, Partition::contiguous}));
      if (parts > 1) {  // one part is the same in either partition
        ASSERT_NO_FATAL_FAILURE(expect_every_row({7, rows, kPolynomial, parts, Partition::interleaved}));
      }
    }
  }
  for (uint64_t rows = 2 * kDegree - 1; rows <= 4 * kDegree + 3; ++rows) {
    for (const uint32_t parts : {2, 3}) {
      for (const Partition partition : {Partition::contiguous, Partition::interleaved})
        ASSERT_NO_FATAL_FAILURE(expect_every_row({7, rows, kPolynomial, parts, partition}));
    }
  }
}

// Each of 256 values at each place of two polynomials, among bytes that are as small or as large as they can be.
TEST_P(Toy, EveryByteAtEveryPlace) {
  constexpr uint32_t kBytes = 2 * kPolynomial;
  const Geometry geometry{0, 256, kBytes, 1};
  for (const int others : {0, 255}) {
    for (uint32_t place = 0; place < kBytes; ++place) {
      test::RandomRows rows(geometry, 0);
      for (uint64_t row = 0; row < geometry.rows; ++row) {
        const MutableBytes bytes = rows.row(row);
        std::fill(bytes.begin(), bytes.end(), static_cast<uint8_t>(others));
        bytes[place] = static_cast<uint8_t>(row);
      }
      SCOPED_TRACE(testing::Message() << "place " << place << " among " << others);
      ASSERT_NO_FATAL_FAILURE(expect_every_row(PirPair(scheme(), geometry, test::kPirContext, std::move(rows))));
    }
  }
}

// merge(a, b) is serve(a and b): every range, every cut.
TEST_P(Toy, EveryMerge) {
  if (!scheme().info().merges) GTEST_SKIP() << "does not merge";
  constexpr uint64_t kEnd = 2 * kDegree + 2;
  const test::RandomRows rows({0, kEnd, kPolynomial, 1}, 1);
  const auto serve = [&](uint64_t first, uint64_t end) {
    return scheme().serve(test::kPirContext, {first, end - first, kPolynomial, 1}, rows);
  };
  size_t merges = 0;
  for (uint64_t first = 0; first <= kDegree + 1; ++first) {
    struct Whole {
      std::unique_ptr<Server> server;
      Bytes request;
      std::vector<Bytes> answer;
    };
    std::map<uint64_t, Whole> until;
    for (uint64_t end = first + 1; end <= kEnd; ++end) {
      Whole& whole = until[end];
      whole.server = serve(first, end);
      const auto client = scheme().connect(test::kPirContext, whole.server->geometry(), whole.server->statics());
      whole.request = (*client)->query({}, random_).request;
      const ByteView request = whole.request;
      whole.answer = whole.server->answer({&request, 1});
    }
    for (uint64_t cut = first + 1; cut < kEnd; ++cut) {
      for (uint64_t end = cut + 1; end <= kEnd; ++end) {
        SCOPED_TRACE(testing::Message() << "from " << first << ", cut at " << cut << ", to " << end);
        const auto second = serve(cut, end);
        const Server* const parts[] = {until[cut].server.get(), second.get()};
        const auto merged = scheme().merge(test::kPirContext, parts);
        const Whole& whole = until[end];
        ASSERT_EQ(merged->geometry(), whole.server->geometry());
        ASSERT_EQ(merged->statics().front().sha256, whole.server->statics().front().sha256);
        const ByteView request = whole.request;
        ASSERT_EQ(merged->answer({&request, 1}), whole.answer);
        merges += 1;
      }
    }
  }
  std::printf("%zu merges\n", merges);
}

CWTCH_EVERY_SCHEME(Toy);

}  // namespace
}  // namespace cwtch::pir
