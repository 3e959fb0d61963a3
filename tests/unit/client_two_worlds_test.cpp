// Members of whom everything differs that is not public, and the same log: what the server sees of their polls and of
// their fetches is equal, to the byte count and the millisecond of a virtual clock. Requests, sizes, order, connections
// and when they close, payments.
//
// By encrypted schemes, too, with their databases, keys and answers as they are: a query's content is then
// pseudo-random, and what is seen of it is its length. All else is compared byte by byte.
//
// Each seed makes a log, members and mishaps. Five run by default, or one of an encrypted scheme, which takes several
// times as long (by ring32 less in the toy ring: tests/toy); CWTCH_SEEDS=1000 runs a thousand.
#include <cstdlib>

#include "engine/client/retrieve.hpp"
#include "pir/registry.hpp"
#include "tests/support/poll_world.hpp"

namespace cwtch::client {
namespace {

using test::FakeServer;
using test::TimedRequest;

class TwoWorlds : public test::PollWorld, public testing::WithParamInterface<const char*> {
 protected:
  TwoWorlds() { scheme_ = GetParam(); }

  bool encrypted() const { return scheme_ != "direct"; }
  uint64_t seeds() const {
    const char* const given = std::getenv("CWTCH_SEEDS");
    return given != nullptr ? std::stoull(given) : encrypted() ? 1 : 5;
  }

  struct Visitor {
    std::string who;
    Member member;
    uint64_t work_ms;  // that its own work takes each time
    std::unique_ptr<Poller> poller;
  };

  enum class Visits : uint8_t { polls, fetches };
  void begin(uint64_t seed, Visits visits) {
    random_ = SeededRandom(seed);
    server_ = FakeServer(host_);
    if (encrypted()) {  // what ring32 prepares takes longer than all else
      server_.row_bytes = 1024;
      server_.polls = visits == Visits::polls;
      server_.history = visits == Visits::fetches;
    }
    server_.hour = static_cast<uint32_t>(490'000 / 24 * 24 + 20 + random_.below(4));
    placed_.clear();
    visitors_.clear();
    world_ = std::make_unique<sim::World>(1);  // whose disk takes longer the more files it has
    slots_ = 8u << seed % 3;
    rounds_ = static_cast<uint32_t>(1 + random_.below(3));
    lap_bytes_ = 1 + random_.below(400);
    visits_ = visits;
    // Ten times the slots must be in databases. Polls have those of the newest two of four windows; fetches have a slot
    // of each database in each round, and nearly all of the windows in them.
    const uint64_t databases_max = encrypted() ? 5 : 8;
    const uint64_t most = visits == Visits::polls ? 21 * slots_ : 12 * databases_max * rounds_;
    const uint64_t messages = seed % 5 == 0 ? 0 : seed % 5 == 1 ? most : random_.below(most);
    for (uint64_t hour = 0; hour < 4; ++hour) fill_window(messages * (hour + 1) / 4 - messages * hour / 4);
    cast(seed);
    open_hour();
  }

  // Messages of two groups, tagged and not, some of which name predecessors that nobody has; and, from whoever can
  // post, junk with the names of messages before it.
  void fill_window(uint64_t count) {
    std::vector<Bytes> records;
    for (uint64_t i = 0; i < count; ++i) {
      std::optional<Signature> previous;
      if (random_.below(4) == 0) random_.fill(previous.emplace());
      const Form form = random_.below(2) == 0 ? Form::tagged : Form::untagged;
      records.push_back(message(random_.below(2) == 0 ? group_ : other_, "text", previous, form));
      if (random_.below(5) == 0) records.push_back(copy_of(records[random_.below(records.size())]));
    }
    const uint64_t unit = pir::find_scheme(scheme_)->info().rows_min;
    window(std::move(records), std::max<uint64_t>(700, unit / 4) + random_.below(40));
  }

  void cast(uint64_t seed) {
    const auto add = [&](const std::string& who, std::initializer_list<const Group*> groups, uint64_t work_ms) {
      visitors_.push_back({who, make_member(who + std::to_string(seed)), work_ms, nullptr});
      for (const Group* const group : groups) join(visitors_.back().member, *group);
    };
    add("in no group", {}, 0);
    add("in a group without messages", {&quiet_}, 3);
    add("in every group", {&group_, &other_, &quiet_}, 250);
    add("slow", {&group_, &other_, &quiet_}, options().mark_ms - 2'000);
    add("knows everything", {&group_, &other_}, 17);
    ASSERT_TRUE(sync(visitors_.back().member));
    add("has posted, and has more to post", {&group_}, 40);
    post(visitors_.back().member);
    for (Visitor& visitor : visitors_) visitor.poller = poller_of(visitor.member);
  }
  // One message in the log, one in the outbox.
  void post(Member& member) {
    test::ScriptedDialer dialer = server_.dialer();
    Client client = client_of(member, dialer);
    ASSERT_TRUE(client.post(group_.id, "mine", Form::tagged));
    server_.read_only = true;
    ASSERT_FALSE(client.post(group_.id, "mine too", Form::untagged));
    server_.read_only = false;
  }

  // ---- mishaps, of which none depends on who visits ----

  enum class Spoil : uint8_t { junk, omitted, replayed };
  // Rows that are not what the index names, in the place of these records.
  void spoil(const std::vector<uint64_t>& positions, Spoil how) {
    server_.false_rows.clear();
    for (const uint64_t position : positions) {
      Bytes rows(server_.records[position].size());
      if (how == Spoil::junk) random_.fill(rows);
      const Bytes& other = server_.records[positions[random_.below(positions.size())]];
      if (how == Spoil::replayed && other.size() == rows.size()) rows = other;
      server_.false_rows[position] = std::move(rows);
    }
    server_.offer(scheme_);
  }
  std::vector<uint64_t> unwanted() {
    std::vector<uint64_t> others;
    while (others.size() < placed_.size()) {
      const uint64_t position = random_.below(server_.tail_first());
      if (std::find(placed_.begin(), placed_.end(), position) == placed_.end()) others.push_back(position);
    }
    return others;
  }
  using Failure = std::function<void(std::string& answer)>;
  Failure failure() {
    const Failure failures[] = {
        [](std::string& answer) { answer = FakeServer::problem(503, "busy"); },
        [](std::string& answer) { answer = FakeServer::problem(410, "retired"); },
        [](std::string& answer) { answer = FakeServer::ok("short"); },
        [](std::string& answer) { answer.resize(answer.size() / 2); },
        [](std::string& answer) { answer.clear(); },
        [](std::string& answer) { answer = "nonsense\r\n\r\n"; },
    };
    return failures[random_.below(std::size(failures))];
  }
  // The n-th request, or with `queries` the n-th query, of each visit fails.
  void fail_at(size_t n, bool queries) {
    on_visit_ = [this, n, queries, failure = failure()] {
      server_.tamper = [n, queries, failure, seen = size_t{0}](const std::string& target, std::string& answer) mutable {
        if ((!queries || is_query(target)) && seen++ == n) failure(answer);
      };
    };
  }
  // The newest window's index, shown to every other visitor only, names messages again that are in the log already.
  void replay_entries() {
    on_visit_ = [this] { shown_ = !shown_; };
    server_.tamper = [this](const std::string& target, std::string& answer) {
      if (!target.starts_with("/v1/index") || placed_.empty() || !shown_) return;
      const std::vector<Bytes> honest = server_.records;
      for (uint64_t position = server_.boundaries.end()[-2]; position < server_.tail_first(); position += 5) {
        Bytes& record = server_.records[position];
        const Bytes& other = server_.records[placed_[position % placed_.size()]];
        std::copy_n(other.begin() + log::kSignatureBytes, log::kEntryBytes + log::kProbeBytes,
                    record.begin() + log::kSignatureBytes);
        replayed_ += 1;
      }
      answer = FakeServer::ok(server_.index(std::stoull(target.substr(target.find('=') + 1)), true));
      server_.records = honest;
    };
  }
  void honest() {
    server_.tamper = {};
    on_visit_ = {};
    server_.false_rows.clear();
  }

  // ---- what is compared ----

  // What the server sees of a visit, and whether the visitor was content with it.
  template <class Visit>
  std::pair<Trace, bool> seen_of(Visitor& visitor, const Visit& visit) {
    if (on_visit_) on_visit_();
    begin_trace();
    clock_.work_ms = visitor.work_ms;
    const auto report = visit(visitor);
    if (report) {
      fetched_ += report->messages;
      spoiled_ += report->spoiled;
      failed_ += report->failed_queries;
      overflowed_ += report->waiting > 0;
      idle_ += report->wanted == 0;
      const uint64_t slots = visits_ == Visits::polls ? slots_ : rounds_ * server_.offers.at(scheme_).all().size();
      uint64_t& times = most_wanted_[slots];
      times = std::max(times, report->wanted / slots);
    }
    gave_up_ += !report;
    return {trace_, report.has_value()};
  }
  template <class Visit>
  void expect_alike(const char* when, const Visit& visit) {
    for (Visitor& visitor : visitors_) {
      auto seen = seen_of(visitor, visit);
      if (&visitor == &visitors_.front()) {
        expected_ = std::move(seen);
        ASSERT_FALSE(expected_.first.empty());
      } else {
        ASSERT_EQ(seen.first, expected_.first) << visitor.who << ", " << when;
        ASSERT_EQ(seen.second, expected_.second) << visitor.who << ", " << when;
      }
    }
  }
  // Blobs are made of rows and named by their hash, so that those of false rows have names of their own: here each is
  // named by its place in the list.
  void name_blobs_by_place(Trace& trace) const {
    size_t place = 0;
    for (const pir::Server* const database : server_.offers.at(scheme_).all()) {
      for (const pir::Blob& blob : database->statics()) {
        const std::string hash = to_hex(blob.sha256), name = "blob " + std::to_string(place++);
        for (TimedRequest& timed : trace) {
          for (std::string* const text : {&timed.request.target, &timed.request.head}) {
            if (const size_t at = text->find(hash); at != std::string::npos) text->replace(at, hash.size(), name);
          }
        }
      }
    }
  }
  // Half of them see rows spoilt where something is wanted, the others where nothing is.
  template <class Visit>
  void expect_alike_spoilt(const Visit& visit) {
    const auto how = static_cast<Spoil>(random_.below(3));
    const std::vector<uint64_t> others = unwanted();
    for (const bool wanted : {true, false}) {
      spoil(wanted ? placed_ : others, how);
      for (size_t i = wanted ? 0 : 1; i < visitors_.size(); i += 2) {
        auto seen = seen_of(visitors_[i], visit);
        name_blobs_by_place(seen.first);
        if (i == 0) expected_ = std::move(seen);
        if (i == 0) continue;
        ASSERT_EQ(seen, expected_) << visitors_[i].who << ", rows spoilt";
      }
    }
  }
  template <class Visit>
  void expect_alike_in_every_case(const Visit& visit) {
    ASSERT_NO_FATAL_FAILURE(expect_alike("an honest server", visit));
    fill_hour();
    ASSERT_NO_FATAL_FAILURE(expect_alike_spoilt(visit));
    honest();
    next_hour();
    fail_at(random_.below(std::max<size_t>(1, queries())), true);
    ASSERT_NO_FATAL_FAILURE(expect_alike("a query that fails", visit));
    honest();
    next_hour();
    replay_entries();
    ASSERT_NO_FATAL_FAILURE(expect_alike("entries replayed", visit));
    honest();
    const uint64_t documents = visits_ == Visits::polls ? 6 : 3;  // at least, before the first query
    fail_at(random_.below(random_.below(2) == 0 ? documents : trace_.size()), false);
    ASSERT_NO_FATAL_FAILURE(expect_alike("a request that fails", visit));
    honest();
    next_hour();
    ASSERT_NO_FATAL_FAILURE(expect_alike("an honest server again", visit));
  }
  void fill_hour() {
    fill_window(1 + random_.below(8));
    for (int i = 0; i < 5; ++i) add_noise();
  }
  void next_hour() {
    fill_hour();
    server_.offer(scheme_);
  }
  // The worlds did differ.
  void expect_differences() const {
    EXPECT_GT(fetched_, seeds());
    EXPECT_GT(spoiled_, 0u);
    EXPECT_GT(failed_, 0u);
    EXPECT_GT(overflowed_, 0u);
    EXPECT_GT(idle_, 0u);
    EXPECT_TRUE(gave_up_ > 0 || seeds() < 5);
    EXPECT_GT(replayed_, 0u);
    // The first seed wants most, as does every fifth from there on: with every number of slots, when there are many.
    uint64_t most = 0;
    for (const auto& [slots, times] : most_wanted_) {
      most = std::max(most, times);
      if (seeds() >= 100) {
        EXPECT_GE(times, 10u) << slots << " slots";
      }
    }
    EXPECT_GE(most, 10u);
  }

  Group quiet_ = std::move(*create_group(host_, "quiet", random_));
  std::vector<Visitor> visitors_;
  std::pair<Trace, bool> expected_;
  std::function<void()> on_visit_;
  Visits visits_ = Visits::polls;
  bool shown_ = false;
  uint32_t rounds_ = 0;
  uint64_t lap_bytes_ = 0;
  std::map<uint64_t, uint64_t> most_wanted_;  // by a visit's number of slots: so many times that
  uint64_t fetched_ = 0, spoiled_ = 0, failed_ = 0, overflowed_ = 0, idle_ = 0, gave_up_ = 0, replayed_ = 0;
};

struct PollsOfTwoWorlds : TwoWorlds {};
TEST_P(PollsOfTwoWorlds, LookAlike) {
  uint64_t days = 0;
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(begin(seed, Visits::polls));
    ASSERT_NO_FATAL_FAILURE(expect_alike_in_every_case([&](Visitor& visitor) {
      auto report = visitor.poller->poll();
      days += report && report->day;
      return report;
    }));
  }
  EXPECT_TRUE(days > 0 || seeds() < 5);
  expect_differences();
}

struct FetchesOfTwoWorlds : TwoWorlds {};
TEST_P(FetchesOfTwoWorlds, LookAlike) {
  for (uint64_t seed = 1; seed <= seeds(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(begin(seed, Visits::fetches));
    ASSERT_NO_FATAL_FAILURE(expect_alike_in_every_case([&](Visitor& visitor) {
      return Retrieve(*visitor.member.store, random_, dialer_, payer_, clock_, {"127.0.0.1", 1, "", "127.0.0.1:1"},
                      host_,
                      {.scheme = scheme_,
                       .rounds = rounds_,
                       .allow_relaxed_trust = scheme_ == "direct",
                       .mark_ms = options().mark_ms,
                       .lap_bytes = lap_bytes_})
          .run();
    }));
  }
  expect_differences();
}

constexpr auto kName = [](const auto& each) { return std::string(each.param); };
INSTANTIATE_TEST_SUITE_P(Schemes, PollsOfTwoWorlds, testing::Values("direct", "ring32"), kName);
INSTANTIATE_TEST_SUITE_P(Schemes, FetchesOfTwoWorlds, testing::Values("direct", "ring32", "simplepir"), kName);

}  // namespace
}  // namespace cwtch::client
