// When messages arrive that are fetched by polls: weeks of a real chat, slowed, on a clock that only the test moves.
// The server is one in memory; index, windows, choice of rows, queries and profiles are the real ones.
// docs/pir/delivery.md has the figures that this prints, and what they rest on.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "engine/client/poll_schedule.hpp"
#include "pir/mobile_day.hpp"
#include "tests/support/poll_world.hpp"
#include "tools/trace/trace.hpp"

namespace cwtch::client {
namespace {

constexpr uint64_t kHour = 3600, kDay = 24 * kHour;
constexpr uint64_t kFirstDay = 20'000;           // since 1970; nothing but noise, so that every poll has its databases
constexpr uint64_t kNoiseEvery = kDay / 12'000;  // seconds from record to record of nobody here
constexpr uint64_t kGuarantee = 25 * kHour;

class PollDelivery : public test::PollWorld {
 protected:
  // Which polls a member misses.
  enum class Misses : uint8_t { none, but_first, any };
  static constexpr uint64_t kMissed = 4;  // of a hundred

  struct Tally {
    uint64_t posted = 0, arrived = 0, lost = 0, late = 0, polls = 0, missed = 0, slowest_s = 0;
    void add(const Tally& other) {
      posted += other.posted;
      arrived += other.arrived;
      lost += other.lost;
      late += other.late;
      polls += other.polls;
      missed += other.missed;
      slowest_s = std::max(slowest_s, other.slowest_s);
    }
  };

  // A conversation, and a member who polls for it from a midnight until nothing of it can arrive any more.
  struct Follower {
    Follower(Group of, uint64_t seed) : group(std::move(of)), random(seed) {}
    Group group;
    std::vector<uint64_t> times;  // of posts, in order
    Misses misses = Misses::none;

    SeededRandom random;
    PollSchedule schedule{kHour, 0, random};
    Member member;
    std::unique_ptr<Poller> poller;
    uint64_t next_poll = 0;
    struct Waiting {
      uint64_t position, posted_s;
    };
    std::vector<Waiting> waiting;
    std::set<uint64_t> missed;  // periods
    Tally tally;
    uint64_t outside = 0, overload = 0;  // the most that a report said

    uint64_t end() const { return (times.back() / kDay + 2) * kDay; }
  };

  PollDelivery() {
    server_.append_only = true;
    if (const char* const seed = std::getenv("CWTCH_DELIVERY_SEED")) random_ = SeededRandom(std::stoull(seed));
  }

  Follower& follow(std::vector<uint64_t> times, Misses misses) {
    auto& follower = *followers_.emplace_back(
        std::make_unique<Follower>(std::move(*create_group(host_, "group", random_)), random_.next()));
    follower.times = std::move(times);
    follower.misses = misses;
    follower.member = make_member("member" + std::to_string(followers_.size()));
    join(follower.member, follower.group);
    follower.poller = poller_of(follower.member);
    follower.next_poll = follower.schedule.next((kFirstDay + 1) * kDay);
    return follower;
  }

  // Hours pass until everybody's conversation is over.
  void run() {
    for (size_t i = 0; i < followers_.size(); ++i) {
      for (const uint64_t at : followers_[i]->times) posts_.emplace_back(at, i);
    }
    std::sort(posts_.begin(), posts_.end());
    uint64_t end = 0;
    for (const auto& follower : followers_) end = std::max(end, follower->end());
    for (uint64_t hour = kFirstDay * 24; hour * kHour < end; ++hour) {
      server_.hour = static_cast<uint32_t>(hour);
      server_.offer_polls(scheme_);
      poll_everybody((hour + 1) * kHour);
      log_goes_on((hour + 1) * kHour);
      while (server_.records.size() % test::FakeServer::kChunkRecords != 0) add_noise();
      server_.seal();
      retire(hour);
    }
    for (const auto& follower : followers_) {
      Tally& tally = follower->tally;
      tally.lost += follower->waiting.size();
      tally.late += follower->waiting.size();
    }
  }

  // Both run until `end_s`.
  void poll_everybody(uint64_t end_s) {
    std::vector<std::pair<uint64_t, Follower*>> polls;
    for (const auto& follower : followers_) {
      if (follower->next_poll < std::min(end_s, follower->end()))
        polls.emplace_back(follower->next_poll, follower.get());
    }
    std::sort(polls.begin(), polls.end());
    for (const auto& [at, follower] : polls) {
      log_goes_on(at);
      follower->next_poll = follower->schedule.next(at);
      const uint64_t hour = at / kHour;
      const bool may_miss =
          follower->misses == Misses::any || (follower->misses == Misses::but_first && hour % 24 != 0);
      if (may_miss && follower->random.below(100) < kMissed) {
        follower->missed.insert(hour);
        follower->tally.missed += 1;
      } else {
        poll(*follower, at);
      }
    }
  }
  void log_goes_on(uint64_t end_s) {
    while (true) {
      const uint64_t post = posted_ == posts_.size() ? UINT64_MAX : posts_[posted_].first;
      if (std::min(post, noise_s_) >= end_s) return;
      if (noise_s_ <= post) {
        add_noise();
        noise_s_ += kNoiseEvery;
        continue;
      }
      const size_t who = posts_[posted_++].second;
      Follower& follower = *followers_[who];
      const uint64_t position = server_.add(message(follower.group, "text " + std::to_string(posted_)));
      follower.waiting.push_back({position, post});
      follower.tally.posted += 1;
    }
  }
  void poll(Follower& follower, uint64_t at) {
    begin_trace();
    server_.targets.clear();
    clock_.now = at * 1000;
    const auto report = follower.poller->poll();
    ASSERT_TRUE(report) << report.error().message();
    follower.outside = std::max(follower.outside, report->outside);
    follower.overload = std::max(follower.overload, report->overload);
    follower.tally.polls += 1;
    const uint64_t now = clock_.now / 1000;
    const auto& here = follower.member.store->profile().group(follower.group.id)->positions;
    std::erase_if(follower.waiting, [&](const Follower::Waiting& message) {
      if (here.count(message.position) == 0) return false;
      const uint64_t took = now - message.posted_s;
      follower.tally.slowest_s = std::max(follower.tally.slowest_s, took);
      follower.tally.late += took > kGuarantee + missed_first(follower, message.posted_s);
      follower.tally.arrived += 1;
      return true;
    });
  }
  // What was missed at the beginning of the day after: the batch comes with the first poll that is made.
  static uint64_t missed_first(const Follower& follower, uint64_t posted_s) {
    uint64_t hour = (posted_s / kDay + 1) * 24;
    while (follower.missed.count(hour) != 0) ++hour;
    return (hour - (posted_s / kDay + 1) * 24) * kHour;
  }
  void retire(uint64_t hour) {
    while (server_.hours.at(server_.boundaries[1]) + kept_hours_ < hour) server_.retire();
    server_.forget_retired();
  }

  Tally tally(Misses misses) const {
    Tally sum;
    for (const auto& follower : followers_) {
      if (follower->misses == misses) sum.add(follower->tally);
    }
    return sum;
  }
  static void print(const char* what, const Tally& tally) {
    std::printf("%s: %llu messages, %llu arrived, %llu late; slowest %.1f h; %llu polls, %llu missed\n", what,
                static_cast<unsigned long long>(tally.posted), static_cast<unsigned long long>(tally.arrived),
                static_cast<unsigned long long>(tally.late), static_cast<double>(tally.slowest_s) / kHour,
                static_cast<unsigned long long>(tally.polls), static_cast<unsigned long long>(tally.missed));
  }

  std::vector<std::unique_ptr<Follower>> followers_;
  std::vector<std::pair<uint64_t, size_t>> posts_;  // when, and whose
  size_t posted_ = 0;
  uint64_t noise_s_ = kFirstDay * kDay;
  uint64_t kept_hours_ = 72;  // by the server
};

// Groups of the real trace where it is at hand, or of one of its shape, whose bursts stay much denser when it is
// slowed.
struct Conversations {
  std::vector<std::vector<uint64_t>> times;  // by group
  bool real;
};
Conversations conversations(uint32_t groups) {
  const char* const named = std::getenv("CWTCH_TRACE");
  const std::string path = named != nullptr ? named : "../shared/data/irc-ubuntu.tsv.zst";
  const bool real = std::filesystem::exists(path);
  auto trace = real ? trace::load(path) : Result<trace::Trace>(trace::generate(groups, 1));
  EXPECT_TRUE(trace) << trace.error().message();
  Conversations conversations{std::vector<std::vector<uint64_t>>(groups), real};
  for (const trace::Message& message : trace->messages) {
    if (message.group < groups) conversations.times[message.group].push_back(message.seconds);
  }
  std::erase_if(conversations.times, [](const auto& times) { return times.empty(); });
  return conversations;
}

uint64_t busiest_day(const std::vector<uint64_t>& times) {
  std::map<uint64_t, uint64_t> days;
  uint64_t most = 0;
  for (const uint64_t at : times) most = std::max(most, ++days[at / kDay]);
  return most;
}

// The same conversation, so slow that no day has more than `most` messages; it begins at `start_s`.
std::vector<uint64_t> slowed(const std::vector<uint64_t>& times, uint64_t start_s, uint64_t most) {
  for (double slower = 1;; slower *= 1.03) {
    std::vector<uint64_t> at;
    for (const uint64_t time : times)
      at.push_back(start_s + static_cast<uint64_t>(static_cast<double>(time - times.front()) * slower));
    if (busiest_day(at) <= most) return at;
  }
}

uint32_t groups_to_run() {
  const char* const given = std::getenv("CWTCH_DELIVERY_GROUPS");
  return given == nullptr ? 4 : static_cast<uint32_t>(std::stoul(given));
}

class PollDeliveryOfAChat : public PollDelivery {
 protected:
  // Members who want at most 200 messages on their busiest day, begun at different times of a day.
  void follow_groups(std::initializer_list<Misses> all) {
    const Conversations chats = conversations(groups_to_run());
    real_ = chats.real;
    for (const auto& times : chats.times) {
      const auto slow = slowed(times, (kFirstDay + 1) * kDay + random_.below(kDay), 200);
      for (const Misses misses : all) follow(slow, misses);
    }
  }
  bool real_ = false;
};

// Sixteen slots: every message is there 25 hours after it was posted, also when polls are missed; whoever misses the
// first of a day gets its batch later by as much. Made-up conversations have denser bursts when they are slowed: one
// message in a thousand may be late.
TEST_F(PollDeliveryOfAChat, EveryMessageWithin25Hours) {
  follow_groups({Misses::none, Misses::but_first, Misses::any});
  run();
  print("no poll missed", tally(Misses::none));
  print("4 % missed, never a day's first", tally(Misses::but_first));
  print("4 % missed", tally(Misses::any));
  for (const Misses misses : {Misses::none, Misses::but_first, Misses::any}) {
    const Tally sum = tally(misses);
    const uint64_t bearable = real_ ? 0 : sum.posted / 1'000;
    EXPECT_LE(sum.late, bearable);
    EXPECT_EQ(sum.missed == 0, misses == Misses::none);
    EXPECT_EQ(sum.arrived + sum.lost, sum.posted);
  }
  // Of made-up groups two busy days may lie so close together that 24 hours across midnight have far more than 200.
  for (const auto& follower : followers_) EXPECT_TRUE(!real_ || follower->overload == 0) << follower->overload;
}

// The test can fail: without the day's batch, of which this server says nothing, many never arrive.
TEST_F(PollDeliveryOfAChat, WithoutTheBatchOfTheDayManyAreLost) {
  server_.tamper = [this](const std::string& target, std::string& answer) {
    if (target != "/v1/shards") return;
    nlohmann::json list = server_.database_list();
    list["offers"][0]["day"] = nullptr;
    answer = test::FakeServer::ok(list.dump());
  };
  follow_groups({Misses::none});
  run();
  print("no batch, no poll missed", tally(Misses::none));
  EXPECT_GT(tally(Misses::none).late, tally(Misses::none).posted / 200);
}

// Above that, as many arrive as pir::messages_per_day() says, at whatever rate; who wants too much is told so, and full
// send has the rest.
TEST_F(PollDelivery, AboveTheRateAsManyAsTheFormulaSays) {
  constexpr uint64_t kDays = 5;
  kept_hours_ = 24 * 100;
  const uint64_t rates[] = {200, 300, 400, 500, 800, 2000};
  for (const uint64_t rate : rates) {
    std::vector<uint64_t> times;
    for (uint64_t i = 0; i < rate * kDays; ++i) times.push_back((kFirstDay + 1) * kDay + random_.below(kDays * kDay));
    std::sort(times.begin(), times.end());
    follow(std::move(times), Misses::none);
  }
  run();
  for (size_t i = 0; i < std::size(rates); ++i) {
    Follower& follower = *followers_[i];
    const auto wanted = static_cast<double>(rates[i]);
    const double brought = pir::messages_per_day({}, wanted);
    const double measured = static_cast<double>(follower.tally.arrived) / kDays;
    std::printf("%4.0f messages a day: %.1f arrive, %.1f by the formula; reports said overload %llu, outside %llu\n",
                wanted, measured, brought, static_cast<unsigned long long>(follower.overload),
                static_cast<unsigned long long>(follower.outside));
    EXPECT_GE(measured, 0.985 * brought);
    EXPECT_LE(measured, 1.015 * brought);
    const bool enough = wanted - brought < 1;
    EXPECT_EQ(enough, follower.outside == 0);
    EXPECT_EQ(enough, follower.overload == 0) << "by the formula, before anything is out of reach";
    EXPECT_LE(follower.tally.slowest_s, kGuarantee);
    ASSERT_TRUE(sync(follower.member));
    EXPECT_EQ(texts(follower.member, follower.group).size(), rates[i] * kDays) << "full send has the rest";
  }
}

}  // namespace
}  // namespace cwtch::client
