// Polls against a server in memory, on a clock of their own: what is new arrives, and whatever is wanted, found, spoilt
// or lost, the server sees the same requests at the same times.
#include <gmock/gmock.h>

#include "engine/client/poll.hpp"
#include "engine/client/poll_schedule.hpp"
#include "tests/support/poll_world.hpp"

namespace cwtch::client {
namespace {

using test::FakeServer;
using test::PollWorld;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ClientPoll : public PollWorld {
 protected:
  // Two windows of 600 rows, of which `group_` has one message each; and a tail.
  void fill() {
    window({message(group_, "one")}, 600);
    window({message(group_, "two", {}, Form::untagged)}, 600);
    open_hour();
  }
  Errc error_of(Member& member) {
    const auto report = poll(member);
    EXPECT_FALSE(report);
    return report ? Errc::io : report.error().code;
  }
};

TEST_F(ClientPoll, WhatIsInTheNewestWindowsArrives) {
  fill();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(texts(ann, group_), UnorderedElementsAre("one", "two"));
  EXPECT_EQ(report->messages, 2u);
  EXPECT_EQ(report->wanted, 2u);
  EXPECT_EQ(report->waiting + report->outside + report->failed_queries, 0u);
  EXPECT_EQ(report->queries, 2u) << "sixteen slots: two rows of each of eight parts";
  EXPECT_EQ(queries(), 2u);
  // Nothing is fetched twice, and the poll is no smaller for it.
  const auto again = poll(ann);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->messages + again->wanted, 0u);
  EXPECT_EQ(queries(), 2u);
}

TEST_F(ClientPoll, ByEncryptedQueries) {
  scheme_ = "ring32";
  fill();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(texts(ann, group_), UnorderedElementsAre("one", "two"));
  // And a member who wants nothing sends as much, at the same times.
  const auto seen = trace();
  Member nobody = make_member("nobody");
  ASSERT_TRUE(poll(nobody));
  EXPECT_EQ(trace(), seen);
}

// The database of an hour has stretches, that of the next interleaves them: what collided is separated.
TEST_F(ClientPoll, NeighboursArriveInTheNextHour) {
  server_.hour = 490'001;
  window({}, 600);
  for (int i = 0; i < 40; ++i) add_noise();
  for (int i = 0; i < 5; ++i) server_.add(message(group_, "text" + std::to_string(i)));
  window({}, 560);
  open_hour();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto first = poll(ann);
  ASSERT_TRUE(first) << first.error().message();
  window({}, 600);
  open_hour();
  const auto second = poll(ann);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(first->messages, 2u) << "all of them are in one of eight stretches, of which two rows are asked";
  EXPECT_EQ(second->messages, 3u);
}

TEST_F(ClientPoll, TheDaysBatchServesWhatNoPollDid) {
  server_.hour = 490'000 / 24 * 24 + 20;
  window({message(group_, "early")}, 600);
  window({message(group_, "late")}, 600);
  window({}, 600);
  window({}, 600);  // the day ends
  open_hour();
  ASSERT_NE(server_.offers.at(scheme_).day, nullptr);
  Member ann = make_member("ann");
  join(ann, group_);
  const auto poller = poller_of(ann);
  const auto report = poller->poll();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->day);
  EXPECT_THAT(texts(ann, group_), UnorderedElementsAre("early", "late"));
  EXPECT_EQ(report->queries, 6u) << "two of the newest windows, four of the day";
  const auto next = poller->poll();
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->day) << "once a day";
  reopen(ann);
  const auto after_restart = poll(ann);
  ASSERT_TRUE(after_restart);
  EXPECT_FALSE(after_restart->day) << "also of a program that was started again";
}

// What even the day's batch did not bring, no poll will: its member is told so at once, not when the windows are gone.
TEST_F(ClientPoll, WhatTheDaysBatchLeavesIsOutOfReach) {
  server_.hour = 490'000 / 24 * 24 + 20;
  for (int i = 0; i < 5; ++i) {  // one more than there are queries, all of one interleaved part
    server_.add(message(group_, "text" + std::to_string(i)));
    for (uint32_t row = 1; row < pir::kDayParts; ++row) add_noise();
  }
  for (int hour = 0; hour < 4; ++hour) window({}, 600);
  window({message(group_, "today")}, 600);
  open_hour();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->day);
  EXPECT_EQ(report->messages, 5u);
  EXPECT_EQ(report->outside, 1u);
  EXPECT_EQ(report->waiting, 0u);
}

// Nine tenths of what bears the names of one group's messages are a spammer's copies: neither that group nor another
// one is stopped.
TEST_F(ClientPoll, CopiesOfNamesStopNoHonestGroup) {
  for (const Form form : {Form::tagged, Form::untagged}) {
    server_ = FakeServer(host_);
    std::vector<Bytes> records;
    for (int i = 0; i < 3; ++i) {
      records.push_back(message(group_, "attacked " + std::to_string(i), {}, form));
      for (int copy = 0; copy < 30; ++copy) records.push_back(copy_of(records.end()[-1 - copy]));
      records.push_back(message(other_, "other " + std::to_string(i), {}, form));
    }
    window({}, 600);
    window(std::move(records), 600);
    open_hour();
    Member ann = make_member(form == Form::tagged ? "ann" : "bob");
    join(ann, group_);
    join(ann, other_);
    const auto poller = poller_of(ann);
    ASSERT_TRUE(poller->poll());
    EXPECT_THAT(texts(ann, other_), UnorderedElementsAre("other 0", "other 1", "other 2"));
    for (int hour = 0; hour < 3; ++hour) {
      window({}, 600);
      open_hour();
      begin_trace();
      ASSERT_TRUE(poller->poll());
      EXPECT_EQ(queries(), 2u) << "and none is added";
    }
    EXPECT_THAT(texts(ann, group_), UnorderedElementsAre("attacked 0", "attacked 1", "attacked 2"));
  }
}

TEST_F(ClientPoll, MoreThanPollsBringIsSaidBeforeAnythingIsOutOfReach) {
  std::vector<Bytes> messages;
  for (int i = 0; i < 500; ++i) messages.push_back(message(group_, "text" + std::to_string(i)));
  server_.hour = 490'000 / 24 * 24 + 3;
  window(std::move(messages), 600);
  window({}, 600);
  open_hour();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->outside, 0u);
  EXPECT_EQ(report->arrived, 500u);
  EXPECT_EQ(report->overload, 26u) << "474 of 500, if they come evenly";
}

TEST_F(ClientPoll, TooFewRowsAndNothingIsAsked) {
  window({message(group_, "one")}, 100);
  window({}, 100);
  open_hour();
  Member ann = make_member("ann");
  join(ann, group_);
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->queries, 0u);
  EXPECT_EQ(report->waiting, 1u);
}

TEST_F(ClientPoll, WhatCannotBePaidIsNotAskedFor) {
  fill();
  Member ann = make_member("ann");
  join(ann, group_);
  for (const char* const policy : {"closed", "tokens", ""}) {
    server_.query_admission = policy;
    const auto report = poll(ann);
    ASSERT_FALSE(report) << policy;
    EXPECT_EQ(report.error().code, Errc::denied);
    EXPECT_EQ(trace().size(), 2u) << "the server's document, and the end";
  }
}

TEST_F(ClientPoll, WindowsThatAreNotTheIndexsAreRefusedUnasked) {
  fill();
  const std::pair<const char*, std::function<void(nlohmann::json&)>> lies[] = {
      {"another end",
       [](nlohmann::json& list) {
         auto& end = list["windows"]["hours"][0]["end_row"];
         end = end.get<uint64_t>() - 1;
       }},
      {"another hour", [](nlohmann::json& list) { list["windows"]["hours"][0]["hour"] = 7; }},
      {"one less", [](nlohmann::json& list) { list["windows"]["hours"].erase(1); }},
      {"rows that are not sealed",
       [](nlohmann::json& list) {
         auto& end = list["windows"]["hours"][1]["end_row"];
         end = end.get<uint64_t>() + 2000;
       }},
      {"another database", [](nlohmann::json& list) { list["offers"][0]["hot"]["name"] = "0-1200-8c"; }},
      {"a day's that is not one", [](nlohmann::json& list) { list["offers"][0]["day"] = list["offers"][0]["hot"]; }},
  };
  for (const auto& [what, change] : lies) {
    server_.tamper = [&, change = change](const std::string& target, std::string& answer) {
      if (target != "/v1/shards") return;
      nlohmann::json list = server_.database_list();
      change(list);
      answer = FakeServer::ok(list.dump());
    };
    Member member = make_member(what);
    EXPECT_EQ(error_of(member), Errc::corrupt) << what;
    EXPECT_EQ(queries(), 0u) << what;
  }
}

// The list is older than the index: retention took a window in between. Nobody lied, perhaps, and nothing is asked.
TEST_F(ClientPoll, WindowsBeforeTheIndexAreNotAskedFor) {
  fill();
  const std::string list = server_.database_list().dump();
  server_.retire();
  server_.tamper = [&](const std::string& target, std::string& answer) {
    if (target == "/v1/shards") answer = FakeServer::ok(list);
  };
  Member ann = make_member("ann");
  EXPECT_EQ(error_of(ann), Errc::gone);
  EXPECT_EQ(queries(), 0u);
}

// Sealed records of no hour would be in no window, and make a gap in what is known of them.
TEST_F(ClientPoll, AnIndexThatDoesNotSayWhenIsRefused) {
  fill();
  server_.hours.begin()->second = 0;
  Member ann = make_member("ann");
  EXPECT_EQ(error_of(ann), Errc::corrupt);
  EXPECT_EQ(queries(), 0u);
}

// Whatever another process of this profile does meanwhile: the poll goes on, and its server is not to blame.
TEST_F(ClientPoll, AGroupJoinedMeanwhileChangesNothing) {
  fill();
  const Group other = *create_group(host_, "other", random_);
  for (const bool fresh : {false, true}) {
    Member ann = make_member(fresh ? "fresh" : "joined");
    join(ann, group_);
    auto second = std::move(*Store::open(files(), random_, ann.directory));
    server_.tamper = [&, done = false](const std::string& target, std::string&) mutable {
      if (!target.starts_with("/v1/index") || std::exchange(done, true)) return;
      GroupJoined joined{{other.id, other.key.clone(), other.server, other.name}, fresh};
      ASSERT_TRUE(second->commit(only(std::move(joined)), Store::Keep::durable));
    };
    const auto report = poll(ann);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(queries(), 2u);
    EXPECT_THAT(texts(ann, group_), UnorderedElementsAre("one", "two"));
    server_.tamper = {};
    ASSERT_TRUE(poll(ann)) << "the index is read again for the new group";
  }
}

// The batch is asked once, however the program ends.
TEST_F(ClientPoll, ABatchThatWasBegunIsNotMadeAgain) {
  server_.hour = 490'000 / 24 * 24 + 20;
  for (int hour = 0; hour < 4; ++hour) window({}, 600);  // the day ends
  open_hour();
  Member ann = make_member("ann");
  bool kept = false;
  server_.tamper = [&](const std::string& target, std::string&) {
    if (!is_query(target)) return;
    auto second = std::move(*Store::open(files(), random_, ann.directory));  // what a crash now would leave
    kept = second->profile().server(host_)->polls.day != 0;
  };
  const auto report = poll(ann);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_TRUE(report->day);
  EXPECT_TRUE(kept) << "before the first query";
}

// What came in the newest windows is still known when another command reads the index from its beginning.
TEST_F(ClientPoll, WhatArrivedIsCountedOnce) {
  std::vector<Bytes> messages;
  for (int i = 0; i < 10; ++i) messages.push_back(message(group_, "text" + std::to_string(i)));
  window(std::move(messages), 600);
  window({}, 600);
  open_hour();
  Member ann = make_member("ann");
  join(ann, group_);
  ASSERT_EQ(poll(ann)->arrived, 10u);
  SegmentList list = *parse_segments(server_.segment_list().dump());
  IndexPull again(*ann.store, host_, list, 1);  // for databases that end before all of it
  ServerLink link(dialer_, {"127.0.0.1", 1, "", "127.0.0.1:1"});
  ASSERT_TRUE(again.read(link, server_.records.size(), Store::Keep::durable));
  EXPECT_EQ(poll(ann)->arrived, 10u);
}

// Also of what the index shows no more, because it was read before, by whatever reads it, and before the program was
// started again.
TEST_F(ClientPoll, WindowsThatWereOthersBeforeAreRefused) {
  fill();
  Member ann = make_member("ann");
  ASSERT_TRUE(poll(ann));
  window({}, 600);
  ASSERT_TRUE(read_index(ann));
  window({}, 600);
  open_hour();
  reopen(ann);
  const auto poller = poller_of(ann);
  server_.tamper = [&](const std::string& target, std::string& answer) {
    if (target != "/v1/shards") return;
    nlohmann::json list = server_.database_list();
    list["windows"]["hours"][0]["hour"] = 7;
    answer = FakeServer::ok(list.dump());
  };
  const auto lied = poller->poll();
  ASSERT_FALSE(lied);
  EXPECT_EQ(lied.error().code, Errc::corrupt);
  server_.tamper = {};
  EXPECT_TRUE(poller->poll());
}

// Of work that takes longer than a mark, no more shows than how many marks.
TEST_F(ClientPoll, WorkThatOverrunsAMarkEndsAtAnother) {
  fill();
  Member ann = make_member("ann"), bob = make_member("bob");
  join(ann, group_);
  join(bob, group_);
  std::vector<Trace> traces;
  for (const auto& [member, work_ms] : {std::pair{&ann, uint64_t{41'000}}, std::pair{&bob, uint64_t{58'000}}}) {
    clock_.work_ms = work_ms;
    const auto report = poll(*member);
    ASSERT_TRUE(report);
    EXPECT_TRUE(report->overran);
    traces.push_back(trace());
  }
  EXPECT_EQ(traces[0], traces[1]);
}

TEST_F(ClientPoll, QueriesGoOutAtTheirMarks) {
  fill();
  Member ann = make_member("ann");
  join(ann, group_);
  clock_.work_ms = 7'000;  // of our own: in the pause, and not seen
  ASSERT_TRUE(poll(ann));
  std::vector<uint64_t> starts;
  uint64_t before = 0;
  for (const auto& request : trace()) {
    if (request.request.method == "POST") starts.push_back(request.at_ms);
    if (request.request.method == "GET") before = request.at_ms;
  }
  ASSERT_EQ(starts.size(), 2u);
  EXPECT_EQ(starts[0], before + PollWorld::kRequestMs + options().mark_ms);
  EXPECT_EQ(starts[1], starts[0] + options().mark_ms);
}

// ---- the grid of polls ----

TEST(PollSchedule, OnePollInEachPeriodAtAMomentOfItsOwn) {
  SeededRandom random(1);
  PollSchedule schedule(3600, 0, random);
  uint64_t now = 1'764'000'123;
  std::set<uint64_t> offsets;
  const uint64_t first = now / 3600 + 1;
  for (uint64_t period = first; period < first + 400; ++period) {
    uint64_t at = schedule.next(now);
    if (at / 3600 < period) at = schedule.next(at);  // the period that had begun
    ASSERT_EQ(at / 3600, period);
    ASSERT_GE(at % 3600, 300u);
    ASSERT_LT(at % 3600, 3000u);
    offsets.insert(at % 3600);
    now = at;
  }
  EXPECT_GT(offsets.size(), 300u) << "they differ";
}

// A machine that slept over its moment does not poll when it wakes.
TEST(PollSchedule, WakingIsNoMoment) {
  struct SleepyClock final : WallClock {
    uint64_t now_s() override { return now; }
    void nap(uint64_t seconds) override {
      now += seconds;
      if (++naps % 7 == 0) now += 5 * 3600 + 777;  // the lid is closed
      if (naps % 7 == 0) woke.insert(now);
    }
    uint64_t now = 1'764'000'123, naps = 0;
    std::set<uint64_t> woke;
  };
  SeededRandom random(7);
  PollSchedule schedule(3600, 0, random);
  SleepyClock clock;
  std::set<uint64_t> periods;
  for (int i = 0; i < 50; ++i) {
    schedule.wait(clock);
    EXPECT_TRUE(periods.insert(clock.now / 3600).second);
    EXPECT_EQ(clock.woke.count(clock.now), 0u);
    EXPECT_GE(clock.now % 3600, 300u);
    clock.now += 100;  // what the poll takes
  }
}

// A process that is started again leaves the periods alone that had their polls.
TEST(PollSchedule, APeriodHasOnePollAlsoIfItWasNotWaitedFor) {
  SeededRandom random(3);
  const uint64_t now = 490'000 * 3600 + 400;
  PollSchedule schedule(3600, 0, random);
  const uint32_t next_hour = schedule.begun(now);
  EXPECT_EQ(next_hour, 490'001u);
  EXPECT_EQ(schedule.next(now) / 3600, next_hour);
  EXPECT_EQ(PollSchedule(3600, next_hour, random).next(now) / 3600, next_hour);
  EXPECT_EQ(PollSchedule(7200, next_hour, random).next(now) / 3600 / 2, 245'001u) << "of a coarser grid, the next";
  EXPECT_LE(PollSchedule(3600, next_hour + 999, random).next(now), now + 3 * 3600) << "by a clock that was ahead";
}

TEST(PollSchedule, MissedPollsAreNotMadeUp) {
  SeededRandom random(2);
  PollSchedule schedule(3600, 0, random);
  const uint64_t first = schedule.next(36'000);
  const uint64_t later = schedule.next(first + 10 * 3600);
  EXPECT_GT(later, first + 10 * 3600);
  EXPECT_EQ(schedule.next(later) / 3600, later / 3600 + 1);
}

}  // namespace
}  // namespace cwtch::client
