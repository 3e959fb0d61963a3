// One server, many threads that answer, each of which splits its work among threads: the bytes are those of one thread.
#include <gmock/gmock.h>

#include "engine/core/check.hpp"
#include "tests/support/pir_pair.hpp"

namespace cwtch::pir {
namespace {

class PirThreads : public test::EveryScheme {};

TEST_P(PirThreads, AnswerAtOnceWhatTheyAnswerAlone) {
  const Context context{.server = "a", .parallel = test::run_on_all_cores};
  const test::PirPair both(scheme(), small(), context);
  constexpr size_t kThreads = 4;
  std::vector<Query> queries;
  std::vector<std::vector<uint64_t>> wanted;
  std::vector<Bytes> expected, answered(kThreads);
  SeededRandom random(1);
  for (size_t i = 0; i < kThreads; ++i) {
    wanted.push_back(both.draw(random));
    queries.push_back(both.client->query(wanted.back(), random));
    expected.push_back(both.answer(queries.back().request));
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const ByteView request = queries[i].request;
      CHECK(both.server->check(request));
      answered[i] = std::move(both.server->answer({&request, 1}).at(0));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, expected);
  for (size_t i = 0; i < kThreads; ++i) {
    const auto rows = both.client->recover(std::move(queries[i].secret), answered[i]);
    ASSERT_TRUE(rows);
    both.expect_rows(*rows, wanted[i]);
  }
}

// Two databases are set up at once, as a server does that builds one while another is still being built.
TEST_P(PirThreads, ServeAtOnce) {
  std::unique_ptr<Server> servers[2];
  const Geometry geometry = small();
  const test::RandomRows rows(geometry, 1);
  std::vector<std::thread> threads;
  for (auto& server : servers) {
    threads.emplace_back([&] { server = scheme().serve(test::kPirContext, geometry, rows); });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(servers[0]->statics().size(), servers[1]->statics().size());
  for (size_t i = 0; i < servers[0]->statics().size(); ++i) {
    EXPECT_EQ(servers[0]->statics()[i].sha256, servers[1]->statics()[i].sha256);
  }
}

CWTCH_EVERY_SCHEME(PirThreads);

}  // namespace
}  // namespace cwtch::pir
