// mobile_day_bench: what a member who polls every hour moves in a day, counted at its sockets, beside all records in
// full, counted likewise, and what pir::mobile_day() says. Started by tools/bench --pir-day; docs/benchmarks.md says
// how to read it.
//
// Workload: a real server, three days whose hours pass as fast as they are filled. The first day and two hours of the
//           third are there so that the second, which counts, has a day before, and its last messages their polls.
// Moved:    documents, index, statics, keys, queries, answers, and the batch for the day before, with HTTP's headers.
// Ceiling:  sending the records of the second day to everybody.
//
// Prints JSON, one object. Status 1: a message is neither here nor known to be missing, or arrived changed.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "bench/day/conversation.hpp"
#include "bench/day/counting_dialer.hpp"
#include "bench/day/fast_server.hpp"
#include "bench/day/strangers.hpp"
#include "engine/client/client.hpp"
#include "engine/client/conversation.hpp"
#include "engine/client/poll.hpp"
#include "engine/client/poll_schedule.hpp"
#include "engine/log/format.hpp"
#include "pir/mobile_day.hpp"
#include "pir/registry.hpp"
#include "tools/common/progress.hpp"

namespace cwtch::bench {
namespace {

using namespace client;

constexpr uint32_t kFirstDay = 20'000;  // since 1970
constexpr uint32_t kMeasuredDay = 1;
constexpr uint32_t kHoursAfter = pir::kHotWindows;
constexpr uint64_t kSeed = 1;
constexpr size_t kRecordBytes = log::kSignatureBytes + log::kEntryBytes + kTaggedCiphertextBytes;

struct Options {
  uint64_t records_per_day = 100'000;
  uint64_t wanted_per_day = 200;
  uint32_t slots = 16;
  uint32_t hours = pir::kHoursPerDay;
  std::string trace;
};

// Marks pass at once: no byte depends on them.
class NoWaiting final : public MarkClock {
 public:
  uint64_t now_ms() override { return 0; }
  void wait_until(uint64_t) override {}
};

class Directory {
 public:
  Directory() {
    std::string form = (std::filesystem::temp_directory_path() / "mobile_day.XXXXXX").string();
    if (mkdtemp(form.data()) == nullptr) throw std::runtime_error(form + ": cannot be made");
    path_ = form;
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <class T>
T need(Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}
// Of all threads but this one: while nobody posts, the server's.
double other_threads_cpu_s() {
  rusage all{}, own{};
  getrusage(RUSAGE_SELF, &all);
  getrusage(RUSAGE_THREAD, &own);
  return seconds_of(all.ru_utime) + seconds_of(all.ru_stime) - seconds_of(own.ru_utime) - seconds_of(own.ru_stime);
}
// At most, of server and member together.
uint64_t memory_mib() {
  rusage all{};
  getrusage(RUSAGE_SELF, &all);
  return static_cast<uint64_t>(all.ru_maxrss) >> 10;
}
double now_s() { return 1e-9 * static_cast<double>(system_clock().monotonic_ns()); }
uint64_t no_time() { return uint64_t{kFirstDay} * pir::kHoursPerDay * kHourSeconds; }

// What the polls of the measured day came to.
struct Sum {
  PollReport parts;
  uint64_t polls = 0, socket_bytes = 0;
  double server_cpu_s = 0;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        days_(need(make_days({.records_per_day = options.records_per_day,
                              .wanted_per_day = options.wanted_per_day,
                              .day_seconds = options.hours * static_cast<uint32_t>(kHourSeconds),
                              .trace = options.trace,
                              .seed = kSeed}),
                   "trace")),
        server_(directory_ / "server", hour_of(0, 0)),
        strangers_(server_.endpoint(), kSeed),
        author_(make_profile("author")),
        member_(make_profile("member")),
        posting_(*author_, random_, posting_dialer_, server_.endpoint(), server_.host(),
                 {.now_s = &no_time, .posts = Store::Keep::relaxed}),
        poller_(*member_, random_, dialer_, payer_, poll_clock_, server_.endpoint(), server_.host(),
                {.slots = options.slots}) {
    const Group group = need(create_group(server_.host(), "friends", random_), "group");
    group_ = group.id;
    for (Store* const store : {author_.get(), member_.get()}) {
      std::vector<Event> events;
      events.emplace_back(GroupJoined{{group.id, group.key.clone(), group.server, group.name}, true});
      need(store->commit(events, Store::Keep::relaxed), "profile");
    }
  }

  int run() {
    const double began = now_s();
    const uint32_t hours = options_.hours * 2 + kHoursAfter;
    tools::Progress bar("Days", "hours", hours);
    for (uint32_t i = 0; i < hours; ++i) {
      play(i / options_.hours, i % options_.hours);
      bar.add(1);
    }
    bar.finish();
    return report(now_s() - began);
  }

 private:
  struct Posted {
    uint32_t day;
    std::string text;
  };

  static uint32_t hour_of(uint32_t day, uint32_t hour) { return (kFirstDay + day) * pir::kHoursPerDay + hour; }

  std::unique_ptr<Store> make_profile(const char* name) {
    auto store = need(Store::create(io::system_files(), random_, directory_ / name), name);
    std::vector<Event> events;
    events.emplace_back(ServerAdded{server_.host(), server_.url()});
    need(store->commit(events, Store::Keep::relaxed), name);
    return store;
  }

  void play(uint32_t day, uint32_t hour) {
    const bool first = day == 0 && hour == 0;
    if (!first) server_.begin(hour_of(day, hour));
    if (hour == 0) first_of_day_[day] = records_;
    const auto begins_s = hour * static_cast<uint32_t>(kHourSeconds);
    const uint64_t epoch_s = hour_of(day, hour) * kHourSeconds;
    const auto polls_s = static_cast<uint32_t>(schedule_.next(epoch_s) - epoch_s);
    post(day, begins_s, begins_s + polls_s);
    if (day > 0 || hour >= pir::kHotWindows) poll(day);
    post(day, begins_s + polls_s, begins_s + static_cast<uint32_t>(kHourSeconds));
  }

  // What is said in [from, to) of the day, in its order.
  void post(uint32_t day, uint32_t from_s, uint32_t to_s) {
    const auto others_before = [&](uint32_t seconds) {
      return static_cast<uint64_t>(std::ranges::lower_bound(days_.others, seconds) - days_.others.begin());
    };
    uint64_t done = others_before(from_s);
    const auto others_until = [&](uint32_t seconds) {
      const uint64_t until = others_before(seconds);
      strangers_.post(until - done);
      records_ += until - done;
      done = until;
    };
    for (const Said& said : days_.ours[day]) {
      if (said.seconds < from_s || said.seconds >= to_s) continue;
      others_until(said.seconds);
      const auto positions = need(posting_.post(group_, said.text, Form::tagged), "posting");
      if (positions != std::vector{records_}) throw std::runtime_error("posting: a position that is not the next one");
      said_[records_++] = {day, said.text};
    }
    others_until(to_s);
  }

  void poll(uint32_t day) {
    const uint64_t bytes = dialer_.bytes();
    const double cpu_s = other_threads_cpu_s();
    const PollReport report = need(poller_.poll(), "poll");
    if (report.queries == 0) throw std::runtime_error("poll: too few records, polls begin at 512 rows in two hours");
    if (report.failed_queries > 0) throw std::runtime_error("poll: a query failed");
    if (day != kMeasuredDay) return;
    sum_.polls += 1;
    sum_.socket_bytes += dialer_.bytes() - bytes;
    sum_.server_cpu_s += other_threads_cpu_s() - cpu_s;
    sum_.parts.queries += report.queries;
    sum_.parts.documents_bytes += report.documents_bytes;
    sum_.parts.index_bytes += report.index_bytes;
    sum_.parts.statics_bytes += report.statics_bytes;
    sum_.parts.query_bytes += report.query_bytes;
    sum_.parts.day_bytes += report.day_bytes;
  }

  // Bytes at the socket of all records of the measured day.
  uint64_t full_send() {
    CountingDialer dialer;
    ServerLink link(dialer, server_.endpoint());
    need(link.get(fmt::format("/v1/log?from={}&to={}", first_of_day_[kMeasuredDay], first_of_day_[kMeasuredDay + 1])),
         "full send");
    Bytes room(256 << 10);
    while (need(link.read(room), "full send") > 0) {
    }
    return dialer.bytes();
  }

  int report(double wall_s) {
    uint64_t messages = 0, arrived = 0, missed = 0, wrong = 0;
    std::set<uint64_t> missing;  // that the member knows of
    for (const auto& records : member_->profile().server(server_.host())->wanted.turns()) {
      for (const RecordWanted& record : records) missing.insert(record.position);
    }
    std::map<uint64_t, std::string> lines;
    for (const Line& line : conversation(*member_->profile().group(group_))) lines[line.position] = line.text;
    for (const auto& [position, said] : said_) {
      const auto line = lines.find(position);
      wrong += line != lines.end() && line->second != said.text;
      if (said.day != kMeasuredDay) continue;
      messages += 1;
      arrived += line != lines.end();
      missed += missing.count(position);
    }
    const uint64_t records = first_of_day_[kMeasuredDay + 1] - first_of_day_[kMeasuredDay];
    const uint64_t full = full_send(), bytes = sum_.parts.bytes();
    const pir::MobilePlan plan{.records_per_day = static_cast<double>(records),
                               .record_bytes = kRecordBytes,
                               .polls_per_day = options_.hours,
                               .slots = options_.slots};
    const double predicted = need(pir::mobile_day(*pir::find_scheme("ring32"), plan), "formula").total();
    const double ratio = static_cast<double>(full) / static_cast<double>(bytes);
    const double off = static_cast<double>(bytes) / predicted - 1;
    const std::string source =
        options_.trace.empty() ? "generated" : std::filesystem::path(options_.trace).filename().string();
    const nlohmann::ordered_json json = {{"trace", source},
                                         {"records", records},
                                         {"slots", options_.slots},
                                         {"polls", sum_.polls},
                                         {"queries", sum_.parts.queries},
                                         {"documents_bytes", sum_.parts.documents_bytes},
                                         {"index_bytes", sum_.parts.index_bytes},
                                         {"statics_bytes", sum_.parts.statics_bytes},
                                         {"query_bytes", sum_.parts.query_bytes},
                                         {"day_bytes", sum_.parts.day_bytes},
                                         {"bytes", bytes},
                                         {"socket_bytes", sum_.socket_bytes},
                                         {"full_send_bytes", full},
                                         {"ratio", ratio},
                                         {"predicted_bytes", predicted},
                                         {"off_prediction", off},
                                         {"messages", messages},
                                         {"arrived", arrived},
                                         {"missed", missed},
                                         {"wrong", wrong},
                                         {"server_cpu_s_per_poll", sum_.server_cpu_s / static_cast<double>(sum_.polls)},
                                         {"memory_mib", memory_mib()},
                                         {"wall_s", wall_s}};
    fmt::print("{}\n", json.dump());
    fmt::print(stderr,
               "{:.2f} MB in {} polls, {} queries: {:.1f} times fewer than all {} records, {:+.1f} % of the formula; "
               "{} of {} messages arrived\n",
               static_cast<double>(bytes) / 1e6, sum_.polls, sum_.parts.queries, ratio, records, 100 * off, arrived,
               messages);
    return wrong == 0 && arrived + missed == messages ? 0 : 1;
  }

  const Options options_;
  const Days days_;
  const Directory directory_;
  SystemRandom random_;
  FastServer server_;
  Strangers strangers_;
  std::unique_ptr<Store> author_, member_;
  GroupId group_{};
  SocketDialer posting_dialer_{{}};
  Client posting_;
  CountingDialer dialer_;
  FreeOfCharge payer_;
  NoWaiting poll_clock_;
  Poller poller_;
  SeededRandom schedule_random_{kSeed};
  PollSchedule schedule_{kHourSeconds, 0, schedule_random_};

  uint64_t records_ = 0;  // posted; so many as the log has, since nobody else posts
  std::array<uint64_t, kDays> first_of_day_{};
  std::map<uint64_t, Posted> said_;  // by position
  Sum sum_;
};

}  // namespace
}  // namespace cwtch::bench

int main(int argc, char** argv) {
  using namespace cwtch;
  CLI::App app{"Measures what a member who polls every hour moves in a day"};
  bench::Options options;
  app.add_option("--records-per-day", options.records_per_day, "of the whole server")
      ->check(CLI::Range(2'000, 10'000'000));
  app.add_option("--wanted-per-day", options.wanted_per_day, "of the member, at most")->check(CLI::Range(1, 1'000));
  app.add_option("--slots", options.slots, "rows per poll")->check(CLI::IsMember({8, 16, 32}));
  app.add_option("--hours", options.hours, "that a day has")->check(CLI::Range(3u, pir::kHoursPerDay));
  app.add_option("--trace", options.trace,
                 "of a chat, tab-separated or zstd; without one a trace of such a shape is generated")
      ->envname("CWTCH_TRACE");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return bench::Bench(options).run();
  } catch (const std::exception& e) {
    fmt::print(stderr, "mobile_day_bench: {}\n", e.what());
    return 2;
  }
}
