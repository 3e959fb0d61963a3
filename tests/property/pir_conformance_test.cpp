// What every scheme of private retrieval must do, whatever it is made of. Adding a scheme to the registry adds it here.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <thread>

#include "engine/core/codec.hpp"
#include "kernels/pack.hpp"
#include "kernels/ring.hpp"
#include "kernels/scan.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using test::PirPair;

// By a kernel that this processor cannot run there is nothing to test: ctest is told by the status.
class Kernels : public testing::Environment {
 protected:
  void SetUp() override {
    const char* const wanted = std::getenv("CWTCH_KERNEL");
    const auto skip_without = [wanted](auto* targets) {
      size_t count;
      const auto* const all = targets(&count);
      for (size_t i = 0; i < count; ++i) {
        if (std::strcmp(all[i].name, wanted) != 0 || all[i].usable()) continue;
        std::printf("SKIPPED: this processor cannot run %s\n", wanted);
        std::exit(77);
      }
    };
    if (wanted == nullptr) return;
    skip_without(kernels::scan_targets);
    skip_without(kernels::ring_targets);
    skip_without(kernels::pack_targets);
  }
};
[[maybe_unused]] const auto* const kKernels = testing::AddGlobalTestEnvironment(new Kernels);

class PirConformance : public test::EveryScheme {
 protected:
  // Odd sizes first; and rows that are several polynomials, whole ones and not.
  std::vector<Geometry> geometries() const {
    std::vector<Geometry> shapes;
    for (const uint64_t rows : {uint64_t{1}, uint64_t{2}, kDegree - 1, kDegree, kDegree + 1}) {
      shapes.push_back({0, rows, 512, 1});
      shapes.push_back({5000, rows, 512, 3});
    }
    shapes.push_back({kDegree - 1, 2, 512, 1});  // across the border of two blocks
    shapes.push_back({5000, kDegree + 1, 512, 3, Partition::interleaved});
    shapes.push_back({5000, kDegree, 3 * kDegree, 1});
    shapes.push_back({4096, kDegree, 3 * kDegree, 1});
    shapes.push_back({4096, kDegree, 3 * kDegree, 2, Partition::interleaved});
    shapes.push_back({77, kDegree + 1, kDegree + 76, 1});
    shapes.push_back({77, 100, kDegree + 476, 9, Partition::interleaved});
    shapes.push_back({(uint64_t{1} << 63) + 5, 100, 512, 1});
    std::erase_if(shapes, [this](const Geometry& shape) { return !takes(shape); });
    return shapes;
  }
  static std::vector<uint64_t> last_of_parts(const Geometry& geometry) {
    std::vector<uint64_t> last;
    for (uint32_t part = 0; part < geometry.parts; ++part) {
      last.push_back(geometry.row_at(part, geometry.part_rows(part) - 1));
    }
    return last;
  }
};

TEST_P(PirConformance, WantedRowsComeBackWhateverTheShape) {
  SeededRandom random(1);
  for (const Geometry& geometry : geometries()) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair& both = pair(geometry);
    ASSERT_TRUE(both.client);
    both.expect_fetches(both.draw(random), random);
    both.expect_fetches(last_of_parts(geometry), random);
    both.expect_fetches({}, random);
  }
}

TEST_P(PirConformance, WantedRowsComeBackFromManyRows) {
  SeededRandom random(2);
  const PirPair& both = pair({12345, 65536, 512, 1});
  ASSERT_TRUE(both.client);
  both.expect_fetches({both.geometry.first_row}, random);
  both.expect_fetches({both.geometry.end_row() - 1}, random);
  both.expect_fetches(both.draw(random), random);
}

// What a database says does not matter: zeros, ones and the extremes of a centred byte are as good as random bytes.
TEST_P(PirConformance, RowsMayHoldAnything) {
  const Geometry geometry{0, 4, 512, 1};
  test::RandomRows rows(geometry, 1);
  const Bytes values{0, 127, 128, 255};
  for (uint64_t row = 0; row < 4; ++row) {
    const MutableBytes bytes = rows.row(row);
    std::fill(bytes.begin(), bytes.end(), values[row]);
  }
  SeededRandom random(3);
  const PirPair both(scheme(), geometry, test::kPirContext, rows);
  for (uint64_t row = 0; row < 4; ++row) both.expect_fetches({row}, random);
}

// Requests, answers and statics are as large as client and formula say, whatever is wanted: sizes tell nothing. A
// scheme that links sessions may answer with less.
TEST_P(PirConformance, SizesFollowFromTheGeometryAlone) {
  SeededRandom random(4);
  for (const Geometry& geometry : geometries()) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair& both = pair(geometry);
    const Cost cost = scheme().cost(geometry, 1);
    EXPECT_EQ(cost.request_bytes, static_cast<double>(both.client->request_bytes()));
    EXPECT_EQ(cost.answer_bytes, static_cast<double>(both.client->answer_bytes()));
    uint64_t statics_bytes = 0;
    for (const Blob& blob : both.server->statics()) statics_bytes += blob.bytes.size();
    EXPECT_EQ(cost.statics_bytes, static_cast<double>(statics_bytes));

    for (const auto& wanted :
         {std::vector<uint64_t>(), std::vector{geometry.first_row}, last_of_parts(geometry), both.draw(random)}) {
      const Query query = both.client->query(wanted, random);
      EXPECT_EQ(query.request.size(), both.client->request_bytes());
      const Bytes answer = both.answer(query.request);
      if (scheme().info().leakage.links_sessions && answer.size() != both.client->answer_bytes()) {
        EXPECT_LT(answer.size(), both.client->answer_bytes());
        continue;
      }
      EXPECT_EQ(answer.size(), both.client->answer_bytes());
    }
  }
}

// Whoever audits a server computes them without one: of a few rows, of several stretches that begin anywhere, and of
// more parts than are made together.
TEST_P(PirConformance, StaticsAloneAreTheServers) {
  const auto expect_same = [&](const PirPair& both) {
    SCOPED_TRACE(testing::PrintToString(both.geometry));
    const std::vector<Blob> alone = scheme().statics(test::kPirContext, both.geometry, both.rows);
    ASSERT_EQ(alone.size(), both.server->statics().size());
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(alone[i].sha256, both.server->statics()[i].sha256);
      EXPECT_TRUE(equal_vartime(alone[i].bytes, both.server->statics()[i].bytes));
    }
  };
  for (const Geometry& geometry : geometries()) expect_same(pair(geometry));
  for (const Geometry& geometry : {Geometry{5000, 20000, 512, 1}, {8192, 16384, 512, 1}, {77, kDegree + 1, 512, 17}})
    if (takes(geometry)) expect_same(PirPair(scheme(), geometry));
}

// The most that cost() may be off in what it says of memory, which nobody pays byte by byte.
TEST_P(PirConformance, MemoryIsAboutWhatTheFormulaSays) {
  const PirPair& both = pair({4096, kDegree, 3 * kDegree, 1});
  const auto bytes = static_cast<double>(both.server->memory_bytes());
  const double said = scheme().cost(both.geometry, 1).server_bytes;
  EXPECT_LE(bytes, said * 1.1);
  EXPECT_GE(bytes, said * 0.9);
}

// check() runs where queries arrive, beside everything else: it is to cost well below a millisecond, whether it passes
// or refuses. Machines differ, so its measure is how often this one could count through the bytes of a right query.
TEST_P(PirConformance, CheckIsCheap) {
  const auto cpu_seconds = [] {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  // Of 28 bits for each of an odd number of rows the last four are not used.
  for (const Geometry& geometry : {Geometry{12345, 65536, 512, 1}, Geometry{12345, 16383, 512, 1}}) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair& both = pair(geometry);
    SeededRandom random(8);
    const Bytes right = both.client->query({}, random).request;
    struct Case {
      const char* what;
      Bytes request;
    };
    std::vector<Case> cases{{"right", right}, {"a byte too long", right}};
    cases.back().request.push_back(0);
    if (!right.empty()) cases.push_back({"a byte too short", Bytes(right.begin(), right.end() - 1)});
    if (encrypts()) {
      cases.push_back({"all ones", Bytes(right.size(), 0xff)});
      cases.push_back({"all ones at the end", right});  // a number, or what is not used and a number
      std::fill(cases.back().request.end() - 4, cases.back().request.end(), uint8_t{0xff});
    }
    for (const auto& [what, request] : cases) {
      SCOPED_TRACE(what);
      double check = 1, pass = 1;
      for (int i = 0; i < 20; ++i) {
        const double before = cpu_seconds();
        const Status status = both.server->check(request);
        const double between = cpu_seconds();
        uint64_t sum = 0;
        for (size_t at = 0; at + 8 <= right.size(); at += 8) sum += load_le<uint64_t>(&right[at]);
        volatile uint64_t kept = sum;
        (void)kept;
        check = std::min(check, between - before);
        pass = std::min(pass, cpu_seconds() - between);
        ASSERT_EQ(status.has_value(), request == right);
      }
      std::printf("check of %zu bytes, %s: %.1f us, a pass over them %.1f us\n", request.size(), what, check * 1e6,
                  pass * 1e6);
      // Small requests are lost in what reading the clock takes.
      constexpr double kClock = 1e-6, kPasses = 50;
      EXPECT_LE(check, kPasses * (pass + kClock));
    }
  }
}

// Answers do not depend on whose other queries are in the batch, nor on their order.
TEST_P(PirConformance, BatchesYieldWhatSingleQueriesDo) {
  for (const Geometry& geometry : {Geometry{5000, kDegree + 1, 512, 3}, Geometry{5000, kDegree, 3 * kDegree, 1}}) {
    if (!takes(geometry)) continue;
    SCOPED_TRACE(testing::PrintToString(geometry));
    const PirPair& both = pair(geometry);
    const std::unique_ptr<Client> other = both.connect(test::kPirContext);
    std::vector<Query> queries;
    std::vector<std::vector<uint64_t>> wanted;
    for (uint64_t i = 0; i < 9; ++i) {
      SeededRandom random(i);
      wanted.push_back(i == 4 ? std::vector<uint64_t>() : both.draw(random));
      queries.push_back((i % 2 == 0 ? *both.client : *other).query(wanted.back(), random));
    }
    const std::vector<ByteView> requests = [&] {
      std::vector<ByteView> views;
      for (const Query& query : queries) views.emplace_back(query.request);
      return views;
    }();
    const std::vector<Bytes> together = both.server->answer(requests);
    ASSERT_EQ(together.size(), requests.size());
    EXPECT_TRUE(both.server->answer({}).empty());
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(together[i], both.answer(requests[i])) << "query " << i;
      const auto rows = (i % 2 == 0 ? *both.client : *other).recover(std::move(queries[i].secret), together[i]);
      ASSERT_TRUE(rows);
      both.expect_rows(*rows, wanted[i]);
    }
    const std::vector<ByteView> backwards(requests.rbegin(), requests.rend());
    std::vector<Bytes> answers = both.server->answer(backwards);
    std::reverse(answers.begin(), answers.end());
    EXPECT_EQ(answers, together);
  }
}

// Statics and answers are functions of the rows and the parameters: not of threads, not of time.
TEST_P(PirConformance, ThreadsChangeNothing) {
  const Geometry geometry = small();
  const PirPair& serial = pair(geometry);
  const Context parallel{.server = "a", .parallel = [](size_t count, const std::function<void(size_t)>& task) {
                           std::vector<std::thread> threads;
                           for (size_t i = count; i > 0; --i) threads.emplace_back(task, i - 1);
                           for (std::thread& thread : threads) thread.join();
                         }};
  const std::unique_ptr<Server> threaded = scheme().serve(parallel, geometry, serial.rows);
  ASSERT_EQ(threaded->statics().size(), serial.server->statics().size());
  for (size_t i = 0; i < threaded->statics().size(); ++i) {
    EXPECT_EQ(threaded->statics()[i].sha256, serial.server->statics()[i].sha256);
  }
  SeededRandom random(5);
  const Query query = serial.client->query(serial.draw(random), random);
  const ByteView request = query.request;
  EXPECT_EQ(threaded->answer({&request, 1}).at(0), serial.answer(request));
}

TEST_P(PirConformance, BlobsAreNamedByTheirHash) {
  for (const Blob& blob : pair(small()).server->statics()) EXPECT_EQ(blob.sha256, make_blob(blob.bytes).sha256);
}

// Small databases exhaustively: every number of rows and parts, either partition, within a block of d log rows and
// across its border; and of each every choice of at most one row a part. Every row holds all 256 bytes, in an order of
// its own.
TEST_P(PirConformance, EveryChoiceFromEverySmallDatabaseComesBack) {
  std::vector<Geometry> shapes{{kDegree - 4, 5, 512, 5}};
  for (const uint64_t first_row : {uint64_t{3}, kDegree - 1}) {
    for (uint64_t rows = 1; rows <= 6; ++rows) {
      for (uint32_t parts = 1; parts <= std::min<uint64_t>(3, rows); ++parts) {
        for (const Partition partition : {Partition::contiguous, Partition::interleaved}) {
          if (parts == 1 && partition == Partition::interleaved) continue;  // the same rows in the same place
          shapes.push_back({first_row, rows, 512, parts, partition});
        }
      }
    }
  }
  std::erase_if(shapes, [this](const Geometry& shape) { return !takes(shape); });
  const Context context{.server = "a", .parallel = test::run_on_all_cores};
  SeededRandom random(6);
  size_t fetches = 0;
  for (const Geometry& geometry : shapes) {
    SCOPED_TRACE(testing::PrintToString(geometry));
    test::RandomRows rows(geometry, 0);
    for (uint64_t row = geometry.first_row; row < geometry.end_row(); ++row) {
      const MutableBytes bytes = rows.row(row);
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>((2 * row + 1) * i + row);
    }
    const PirPair both(scheme(), geometry, context, rows);
    // A number in mixed base: digit 0 wants nothing of a part, digit i its row i - 1.
    uint64_t choices = 1;
    for (uint32_t part = 0; part < geometry.parts; ++part) choices *= geometry.part_rows(part) + 1;
    for (uint64_t choice = 0; choice < choices; ++choice) {
      std::vector<uint64_t> wanted;
      uint64_t rest = choice;
      for (uint32_t part = 0; part < geometry.parts; ++part) {
        const uint64_t digit = rest % (geometry.part_rows(part) + 1);
        rest /= geometry.part_rows(part) + 1;
        if (digit > 0) wanted.push_back(geometry.row_at(part, digit - 1));
      }
      if (choice % 2 == 1) std::reverse(wanted.begin(), wanted.end());  // order is the caller's
      both.expect_fetches(wanted, random);
    }
    fetches += choices;
  }
  std::printf("%zu small databases, %zu fetches\n", shapes.size(), fetches);
}

// Nothing is fixed but the geometry: a query for the same row differs from the last one in about every byte that is
// encrypted, and one for nothing looks like any other.
TEST_P(PirConformance, EncryptedQueriesLookAlike) {
  if (!encrypts()) GTEST_SKIP() << "nothing is encrypted";
  SeededRandom random(7);
  const PirPair& both = pair({5000, 1024, 3072, 1});
  const std::vector<uint64_t> some{5123};
  const Bytes first = both.client->query(some, random).request, second = both.client->query(some, random).request,
              dummy = both.client->query({}, random).request;
  for (const Bytes* other : {&second, &dummy}) {
    size_t equal = 0;
    for (size_t i = 0; i < first.size(); ++i) equal += first[i] == (*other)[i];
    EXPECT_LT(equal, first.size() / 64) << "about one byte in 256 agrees by chance";
  }
}

TEST_P(PirConformance, InfoIsWhole) {
  const Info& info = scheme().info();
  EXPECT_EQ(find_scheme(info.name), &scheme());
  EXPECT_STRNE(info.summary, "");
  EXPECT_EQ(info.classical_bits > 0, *info.parameters != 0);
  EXPECT_EQ(info.classical_bits > 0, *info.security_model != 0);
  EXPECT_EQ(info.leakage.any(), *info.leakage.note != 0);
  EXPECT_FALSE(encrypts() && info.relaxed());
}

CWTCH_EVERY_SCHEME(PirConformance);

}  // namespace
}  // namespace cwtch::pir
