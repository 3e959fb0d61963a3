// The command that polls: until it is interrupted, on a public grid of times.
#include "engine/client/poll.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/client/poll_schedule.hpp"
#include "tools/common/system_mark_clock.hpp"
#include "tools/cwtchc/poll_text.hpp"
#include "tools/cwtchc/program.hpp"

namespace cwtch::cwtchc {

using namespace client;

namespace {

class SystemWallClock final : public WallClock {
 public:
  uint64_t now_s() override { return cwtchc::now_s(); }
  void nap(uint64_t seconds) override { std::this_thread::sleep_for(std::chrono::seconds(seconds)); }
};

void print_json(const PollReport& report) {
  fmt::print("{}\n", nlohmann::ordered_json{{"queries", report.queries},
                                            {"failed_queries", report.failed_queries},
                                            {"day", report.day},
                                            {"records", report.records},
                                            {"wanted", report.wanted},
                                            {"messages", report.messages},
                                            {"unreadable", report.unreadable},
                                            {"spoiled", report.spoiled},
                                            {"waiting", report.waiting},
                                            {"outside", report.outside},
                                            {"overran", report.overran},
                                            {"arrived", report.arrived},
                                            {"overload", report.overload},
                                            {"bytes", report.bytes()},
                                            {"documents_bytes", report.documents_bytes},
                                            {"index_bytes", report.index_bytes},
                                            {"statics_bytes", report.statics_bytes},
                                            {"query_bytes", report.query_bytes},
                                            {"day_bytes", report.day_bytes}}
                         .dump());
}

}  // namespace

void Program::poll() {
  const auto store = open();
  const std::vector<Address> known = servers(*store);
  if (known.size() != 1) throw Refusal{"several servers are known: choose one with --server"};
  SocketDialer dial = dialer();
  FreeOfCharge payer;
  tools::SystemMarkClock clock;
  Poller poller(*store, random_, dial, payer, clock, endpoint_of(known[0].url), known[0].host,
                {.scheme = scheme == "full" ? "ring32" : scheme,
                 .slots = slots,
                 .allow_relaxed_trust = allow_relaxed_trust,
                 .every_h = static_cast<uint32_t>(every_s / 3600),
                 .mark_ms = mark_s.value_or(20) * 1000});
  PollSchedule schedule(every_s, store->profile().server(known[0].host)->polls.next_hour, random_);
  SystemWallClock wall_clock;
  for (uint32_t done = 0; polls == 0 || done < polls; ++done) {
    if (done > 0 || !now) schedule.wait(wall_clock);
    const uint32_t next_hour = schedule.begun(wall_clock.now_s());
    // Before anything is asked: a program that is started again leaves this period alone.
    const Status kept = store->commit(only(Polled{known[0].host, next_hour, 0}), Store::Keep::durable);
    const Result<PollReport> report = kept ? poller.poll() : fail(kept.error());
    if (!report && polls == 1) give_up(known[0].url, report.error(), cure_of(report.error()));
    if (!report) {
      fmt::print(stderr, "cwtchc: {}: {}; the next poll is in its period\n", known[0].url, report.error().message());
    } else if (json) {
      print_json(*report);
    } else {
      fmt::print("{}", poll_text(*report));
    }
    std::fflush(stdout);
  }
}

}  // namespace cwtch::cwtchc
