// Private retrieval in a server: what is offered when, what is held for whom, and who is kept out by whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pir/direct/direct.hpp"
#include "pir/segments/segments.hpp"
#include "tests/support/retrieval_world.hpp"

namespace cwtch::test {
namespace {

class LikeDirect : public pir::Scheme {
 public:
  const pir::Info& info() const override { return pir::direct().info(); }
  pir::Cost cost(const pir::Geometry& geometry, uint32_t batch) const override {
    return pir::direct().cost(geometry, batch);
  }
  std::unique_ptr<pir::Server> serve(const pir::Context& context, const pir::Geometry& geometry,
                                     const pir::RowSource& rows) const override {
    return pir::direct().serve(context, geometry, rows);
  }
  Result<std::unique_ptr<pir::Client>> connect(const pir::Context& context, const pir::Geometry& geometry,
                                               std::span<const pir::Blob> statics) const override {
    return pir::direct().connect(context, geometry, statics);
  }
};

// Asks before each database what is offered by then.
class Watched final : public LikeDirect {
 public:
  std::unique_ptr<pir::Server> serve(const pir::Context& context, const pir::Geometry& geometry,
                                     const pir::RowSource& rows) const override {
    if (geometry.parts == 1) {
      const auto catalog = service->catalog();
      polls_before_history.push_back(!catalog->offers.empty() && catalog->offers[0].hot != nullptr);
    }
    return LikeDirect::serve(context, geometry, rows);
  }

  const retrieval::Service* service = nullptr;
  mutable std::vector<bool> polls_before_history;  // the builder's, until it has published what it makes
};

// Answers nobody while its gate is closed.
class Gated final : public LikeDirect {
 public:
  std::unique_ptr<pir::Server> serve(const pir::Context& context, const pir::Geometry& geometry,
                                     const pir::RowSource& rows) const override {
    making_closed_.wait(true);
    return std::make_unique<Behind>(*this, LikeDirect::serve(context, geometry, rows));
  }
  void close_making() { making_closed_ = true; }
  void open_making() {
    making_closed_ = false;
    making_closed_.notify_all();
  }
  void close() { closed_ = true; }
  void open() {
    closed_ = false;
    closed_.notify_all();
  }
  bool someone_waits() const { return waiting_ > 0; }

 private:
  class Behind final : public pir::Server {
   public:
    Behind(const Gated& gate, std::unique_ptr<pir::Server> server)
        : Server(server->geometry()), gate_(gate), server_(std::move(server)) {}
    size_t memory_bytes() const override { return server_->memory_bytes(); }
    Status check(ByteView request) const override { return server_->check(request); }
    std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
      gate_.waiting_ += 1;
      gate_.closed_.wait(true);
      gate_.waiting_ -= 1;
      return server_->answer(requests);
    }

   private:
    const Gated& gate_;
    const std::unique_ptr<pir::Server> server_;
  };

  std::atomic<bool> closed_{false}, making_closed_{false};
  mutable std::atomic<size_t> waiting_{0};
};

class NoRows final : public pir::RowSource {
 public:
  void read(uint64_t, MutableBytes to) const override { std::fill(to.begin(), to.end(), uint8_t{0}); }
};

bool has_history(const retrieval::Catalog& catalog) {
  return !catalog.offers.empty() && !catalog.offers[0].databases.empty();
}

TEST(ServerRetrieval, ABlobHoldsNoDatabase) {
  const pir::Geometry geometry{.first_row = 0, .rows = 4, .row_bytes = 512};
  auto database = std::make_shared<retrieval::Database>();
  database->scheme = &pir::segments();
  database->server = pir::segments().serve({.server = "host"}, geometry, NoRows());
  const ByteArray<32> hash = database->server->statics()[0].sha256;
  auto catalog = std::make_shared<retrieval::Catalog>();
  catalog->offers.push_back({.scheme = &pir::segments(), .end_row = 4, .databases = {database}});
  catalog->index();
  const std::weak_ptr<const retrieval::Database> left = std::exchange(database, nullptr);

  const std::shared_ptr<const pir::Blob> blob = catalog->blob(hash);
  catalog.reset();
  EXPECT_TRUE(left.expired());
  EXPECT_EQ(blob->bytes, Bytes(4 * 512));
}

TEST(ServerRetrieval, IdleShardsLetOldCatalogsGo) {
  RetrievalWorld world({.schemes = {&pir::direct()}}, 2);
  world.append(1100);
  world.next_hour();
  world.run_until([&] { return has_history(*world.service().catalog()); });
  const std::weak_ptr<const retrieval::Catalog> old = world.service().catalog();
  size_t answers = 0;  // to enough connections that each shard has some
  for (int i = 0; i < 16; ++i) world.connect().get("/v1/shards", [&](const SimClient::Answer&) { answers += 1; });
  world.run_until([&] { return answers == 16; });

  world.append(100);
  world.next_hour();
  world.run_until([&] { return old.expired(); });
}

// Else what polls ask for would go at each sealing, and the windows before would come back.
TEST(ServerRetrieval, AWholeWindowStaysOneWhileTheNextIsSealed) {
  RetrievalWorld world({.schemes = {&pir::direct()}});
  for (int hour = 0; hour < 2; ++hour) {
    world.append(100);
    world.next_hour();
  }
  const auto windows = [](const log::Layout& layout) {
    return retrieval::sealed_windows(io::system_files(), layout, RetrievalWorld::kRowBytes)->windows;
  };
  log::Layout layout = world.layout();
  const auto whole = windows(layout);
  ASSERT_EQ(whole.size(), 2u);
  const auto closed = std::make_shared<log::TailSegment>();
  layout.tail.insert(layout.tail.begin(), closed);
  closed->hour = whole[1].hour + 1;
  EXPECT_EQ(windows(layout), whole);
  closed->hour = whole[1].hour;
  EXPECT_EQ(windows(layout).size(), 1u) << "this one grows";
}

TEST(ServerRetrieval, PollsAreOfferedBeforeHistoryIsMade) {
  Watched scheme;
  {
    RetrievalWorld world({.schemes = {&scheme}});
    scheme.service = &world.service();
    for (int hour = 0; hour < 2; ++hour) {
      world.append(600);
      world.next_hour();
    }
    world.run_until([&] { return has_history(*world.service().catalog()); });
  }
  EXPECT_THAT(scheme.polls_before_history, testing::ElementsAre(true));
}

TEST(ServerRetrieval, PollsThatDoNotFitAreReportedOnce) {
  RetrievalWorld world({.schemes = {&pir::direct()}, .poll_bytes_max = 1 << 20});
  for (const size_t records : {600, 600, 1500, 1500, 1500, 100}) {
    world.append(records);
    world.next_hour();
  }
  world.run_until([&] {
    const auto catalog = world.service().catalog();
    return catalog->windows.windows.size() == 6 && !catalog->offers.empty() && catalog->offers[0].end_row >= 5120;
  });
  EXPECT_EQ(world.service().catalog()->offers[0].hot != nullptr, true) << "1,600 rows fit";
  EXPECT_THAT(world.reports(), testing::ElementsAre(testing::HasSubstr("hot")));
}

TEST(ServerRetrieval, HeadsAloneKeepNobodyOut) {
  RetrievalWorld world({.schemes = {&pir::direct()}, .queue = {.queries_max = 4}});
  world.append(1100);
  world.next_hour();
  world.run_until([&] { return has_history(*world.service().catalog()); });
  const std::string head =
      "POST /v1/pir/direct/0-1024-1c HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
      "Content-Length: 8\r\n\r\n";
  std::vector<int> refused;
  const auto trickle = [&] {
    world.connect().ask(head + "1234", [&](const SimClient::Answer& answer) { refused.push_back(answer.status); });
  };
  for (int i = 0; i < 4; ++i) trickle();
  int status = 0;
  const auto ask = [&] {  // comes after the heads, which are there when the server has answered something else
    status = 0;
    SimClient& honest = world.connect();
    honest.get("/v1/shards", [&, &client = honest](const SimClient::Answer&) {
      client.ask(head + std::string(8, '\xff'), [&](const SimClient::Answer& answer) { status = answer.status; });
    });
    world.run_until([&] { return status != 0; });
    return status;
  };
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ask(), 200);
  EXPECT_THAT(refused, testing::ElementsAre(503)) << "one made room, and what is whole takes none";
  for (int i = 0; i < 4; ++i) trickle();
  world.run_until([&] { return refused.size() == 4; });
  EXPECT_EQ(ask(), 200);
  EXPECT_THAT(refused, testing::Each(503));
}

// A policy that sells: each credential is good for one query.
class Tickets final : public board::Admission {
 public:
  const char* name() const override { return "tickets"; }
  Status admit(ByteView credential, ByteView paid_for) override {
    asked.emplace_back(paid_for.begin(), paid_for.end());
    if (good.erase(std::string(text_of(credential))) == 0) return fail(Errc::denied, "a ticket, please");
    return {};
  }
  std::set<std::string> good = {"one", "two", "three"};
  std::vector<Bytes> asked;
};

TEST(ServerRetrieval, AQueryIsPaidForWhenItWillBeAnswered) {
  Tickets tickets;
  RetrievalWorld world({.schemes = {&pir::direct()}, .queue = {.queries_max = 1}}, 1, &tickets);
  world.append(1100);
  world.next_hour();
  world.run_until([&] { return has_history(*world.service().catalog()); });
  SimClient& client = world.connect();
  const auto ask = [&](const std::string& authorization, uint8_t byte) {
    int status = 0;
    client.ask("POST /v1/pir/direct/0-1024-1c HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n" +
                   authorization + "Content-Length: 8\r\n\r\n" + std::string(8, static_cast<char>(byte)),
               [&](const SimClient::Answer& answer) { status = answer.status; });
    world.run_until([&] { return status != 0; });
    return status;
  };
  const std::string pays = "Authorization: ";
  EXPECT_EQ(ask(pays + "one\r\n", 0xff), 200);
  EXPECT_EQ(ask(pays + "one\r\n", 0xff), 403) << "it was good for one";
  EXPECT_EQ(ask("", 0xff), 403);
  EXPECT_EQ(tickets.asked, std::vector<Bytes>(3, Bytes(8, 0xff))) << "the policy sees what is paid for";

  EXPECT_EQ(ask(pays + "two\r\n", 0x77), 422) << "no such row";
  {
    const auto place = world.take_place();
    EXPECT_EQ(ask(pays + "two\r\n", 0xff), 503);
  }
  EXPECT_EQ(tickets.asked.size(), 3u) << "neither was paid for";
  EXPECT_EQ(ask(pays + "two\r\n", 0xff), 200);
  EXPECT_EQ(ask(pays + "three\r\n", 0xff), 200) << "a refusal gives its place back";
}

// A database of polls whose windows are followed by another while somebody asks for it.
class ServerRetirement : public testing::Test {
 protected:
  ServerRetirement() {
    for (int hour = 0; hour < 2; ++hour) {
      world_.append(300);
      world_.next_hour();
    }
    world_.run_until([this] { return hot() != nullptr; });
    const auto database = hot();
    old_ = database;
    name_ = database->name;
    const pir::Geometry& geometry = database->server->geometry();
    const auto client = *scheme_.connect({.server = "host"}, geometry, {});
    const Bytes query = client->query(std::vector{geometry.row_at(0, 5), geometry.row_at(7, 0)}, random_).request;
    const ByteView view = query;
    content_ = text_of(query);
    expected_ = database->server->answer({&view, 1}).at(0);
  }
  ~ServerRetirement() override {
    scheme_.open();
    scheme_.open_making();
  }

  void retire() {
    world_.append(300);
    world_.next_hour();
    world_.run_until([this] {
      const auto database = hot();
      return database != nullptr && database->name != name_;
    });
  }
  std::shared_ptr<const retrieval::Database> hot() const {
    const auto catalog = world_.service().catalog();
    return catalog->offers.empty() ? nullptr : catalog->offers[0].hot;
  }
  std::string head(const std::string& name, const char* field = "") const {
    return "POST /v1/pir/direct/" + name + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n" +
           field + "Content-Length: " + std::to_string(content_.size()) + "\r\n\r\n";
  }
  void ask(SimClient& client, const std::string& request) {
    client.ask(request, [this](const SimClient::Answer& answer) { answers_.push_back(answer); });
  }
  void wait_for_answers(size_t count) {
    world_.run_until([&] { return answers_.size() == count; });
  }

  static constexpr const char* kExpect = "Expect: 100-continue\r\n";
  SeededRandom random_{1};
  std::vector<SimClient::Answer> answers_;
  Gated scheme_;
  RetrievalWorld world_{{.schemes = {&scheme_}, .queue = {.queries_max = 2}}};
  std::weak_ptr<const retrieval::Database> old_;
  std::string name_, content_;
  Bytes expected_;
};

TEST_F(ServerRetirement, BetweenHeadAndContentOfAQueryItIsAnswered) {
  SimClient& slow = world_.connect();
  ask(slow, head(name_, kExpect));
  wait_for_answers(1);
  EXPECT_EQ(answers_[0].status, 100);
  retire();
  EXPECT_FALSE(old_.expired());
  ask(slow, content_);
  wait_for_answers(2);
  EXPECT_EQ(answers_[1].status, 200);
  EXPECT_EQ(answers_[1].body, expected_);
  world_.run_until([this] { return old_.expired(); });
}

TEST_F(ServerRetirement, WhileQueriesWaitTheyAreAnswered) {
  scheme_.close();
  for (int i = 0; i < 3; ++i) ask(world_.connect(), head(name_) + content_);
  world_.run_until([this] { return answers_.size() == 1 && scheme_.someone_waits(); });
  EXPECT_EQ(answers_[0].status, 503) << "one is being answered and one is behind it: there is no third place";
  retire();
  EXPECT_FALSE(old_.expired());
  scheme_.open();
  wait_for_answers(3);
  for (const size_t i : {1, 2}) {
    EXPECT_EQ(answers_[i].status, 200);
    EXPECT_EQ(answers_[i].body, expected_);
  }
  world_.run_until([this] { return old_.expired(); });
}

TEST_F(ServerRetirement, WhoComesBeforeTheSuccessorIsToldThatItIsInTheMaking) {
  scheme_.close_making();
  world_.append(300);
  world_.next_hour();
  world_.run_until([this] { return hot() == nullptr; });
  ask(world_.connect(), head(name_) + content_);
  wait_for_answers(1);
  EXPECT_EQ(answers_[0].status, 410);
  EXPECT_THAT(std::string(text_of(answers_[0].body)), testing::HasSubstr("in the making"));
  ask(world_.connect(), head("64-4096-8c") + content_);
  wait_for_answers(2);
  EXPECT_EQ(answers_[1].status, 404) << "there was none of this name";
}

TEST_F(ServerRetirement, WhoComesLaterIsToldTheSuccessor) {
  retire();
  world_.run_until([this] { return old_.expired(); });
  SimClient& late = world_.connect();
  ask(late, head(name_) + content_);
  ask(world_.connect(), head(name_, kExpect));  // before his content
  wait_for_answers(2);
  for (const SimClient::Answer& answer : answers_) {
    EXPECT_EQ(answer.status, 410);
    EXPECT_THAT(std::string(text_of(answer.body)),
                testing::AllOf(testing::HasSubstr("urn:cwtch:problem:retired"), testing::HasSubstr(hot()->name)));
  }
  ask(late, head(hot()->name) + std::string(content_.size(), '\xff'));
  wait_for_answers(3);
  EXPECT_EQ(answers_[2].status, 200);
}

}  // namespace
}  // namespace cwtch::test
