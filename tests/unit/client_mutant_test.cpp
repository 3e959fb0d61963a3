// Two worlds that poll or fetch are told apart as soon as a client does what the rules forbid: the comparison can fail.
#include "engine/client/mutant.hpp"
#include "engine/client/retrieve.hpp"
#include "tests/support/poll_world.hpp"

namespace cwtch::client {
namespace {

using test::FakeServer;

class ClientMutants : public test::PollWorld {
 protected:
  ~ClientMutants() override { planted<Mutant> = Mutant::none; }

  // Whether what the server sees of three polls or fetches of a member who wants nothing, and of one with too much, is
  // equal: one query fails in the first, all rows are spoilt in the second.
  enum class By : uint8_t { polls, fetches };
  bool alike(By by) {
    server_ = FakeServer(host_);
    placed_.clear();
    for (int hour = 0; hour < 2; ++hour) {
      std::vector<Bytes> messages;
      for (int i = 0; i < 20; ++i) messages.push_back(message(group_, "text"));
      window(std::move(messages), 560);
    }
    open_hour();
    Member nobody = make_member("nobody" + std::to_string(++worlds_));
    Member busy = make_member("busy" + std::to_string(worlds_));
    join(busy, group_);
    const auto nobodys = poller_of(nobody), busys = poller_of(busy);
    bool same = true;
    for (int hour = 0; hour < 3; ++hour) {
      std::vector<test::TimedRequest> traces[2];
      for (const size_t world : {0, 1}) {
        server_.tamper = [hour, queries = 0](const std::string& target, std::string& answer) mutable {
          if (!target.starts_with("/v1/pir/")) return;
          if (hour == 0 && queries++ == 0) answer = FakeServer::problem(503, "busy");
        };
        begin_trace();
        clock_.work_ms = world == 0 ? 5 : 900;
        if (by == By::polls) (void)(world == 0 ? nobodys : busys)->poll();
        if (by == By::fetches) (void)fetch(world == 0 ? nobody : busy);
        traces[world] = trace_;
      }
      same &= traces[0] == traces[1];
      server_.false_rows.clear();
      window({message(group_, "later")}, 560);
      if (hour == 0) spoil();
      open_hour();
    }
    return same;
  }
  Result<RetrieveReport> fetch(Member& member) {
    return Retrieve(*member.store, random_, dialer_, payer_, clock_, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
                    {.scheme = scheme_, .rounds = 4, .allow_relaxed_trust = true})
        .run();
  }
  void spoil() {
    for (const uint64_t position : placed_) server_.false_rows[position] = Bytes(server_.records[position].size(), 7);
  }

  size_t worlds_ = 0;
};

TEST_F(ClientMutants, NoneOfThemAndTheWorldsAreAlike) {
  EXPECT_TRUE(alike(By::polls));
  EXPECT_TRUE(alike(By::fetches));
}

TEST_F(ClientMutants, EachOfThemIsSeen) {
  for (const Mutant which :
       {Mutant::skip_when_idle, Mutant::slot_more_on_backlog, Mutant::repair_on_demand, Mutant::encrypt_between_queries,
        Mutant::match_before_statics, Mutant::close_when_idle, Mutant::close_behind_work}) {
    planted<Mutant> = which;
    EXPECT_FALSE(alike(By::polls)) << static_cast<int>(which);
  }
  for (const Mutant which : {Mutant::skip_when_idle, Mutant::encrypt_between_queries, Mutant::close_when_idle}) {
    planted<Mutant> = which;
    EXPECT_FALSE(alike(By::fetches)) << static_cast<int>(which);
  }
}

// What shows in every world alike is seen by what a poll may ask at all.
TEST_F(ClientMutants, ARetryIsOneQueryTooMany) {
  window({}, 560);
  window({}, 560);
  open_hour();
  Member nobody = make_member("nobody");
  server_.tamper = [](const std::string& target, std::string& answer) {
    if (target.starts_with("/v1/pir/")) answer = FakeServer::problem(503, "busy");
  };
  (void)poll(nobody);
  EXPECT_EQ(queries(), slots_ / 8);
  planted<Mutant> = Mutant::retry_at_once;
  (void)poll(nobody);
  EXPECT_GT(queries(), slots_ / 8);
  begin_trace();
  (void)fetch(nobody);
  const size_t repeated = queries();
  planted<Mutant> = Mutant::none;
  begin_trace();
  (void)fetch(nobody);
  EXPECT_GT(repeated, queries());
}

TEST_F(ClientMutants, TheIndexIsReadFromPublicBoundaries) {
  for (const bool bug : {false, true}) {
    planted<Mutant> = bug ? Mutant::index_from_last_position : Mutant::none;
    server_ = FakeServer(host_);
    window({}, 560);
    window({}, 560);
    open_hour();
    Member nobody = make_member(bug ? "planted" : "nobody");
    ASSERT_TRUE(read_index(nobody));  // to the end of the log, which no poll names
    (void)poll(nobody);
    size_t public_ones = 0;
    for (const auto& timed : trace()) {
      public_ones += timed.request.target == "/v1/index?from=" + std::to_string(server_.tail_first()) + "&sealed";
    }
    EXPECT_EQ(public_ones, bug ? 0u : 1u);
  }
}

}  // namespace
}  // namespace cwtch::client
