// Members that poll a fake server, on a clock that only requests and members' own work move.
#pragma once

#include <ostream>

#include "engine/client/poll.hpp"
#include "tests/support/client_world.hpp"

namespace cwtch::test {

class VirtualPollClock final : public client::PollClock {
 public:
  uint64_t now_ms() override { return now; }
  void wait_until(uint64_t ms) override { now = std::max(now, ms); }
  void worked() override { now += work_ms; }

  uint64_t now = 1'000'000;
  uint64_t work_ms = 0;  // that a member's own work takes each time
};

// A request, and when it began.
struct TimedRequest {
  FakeServer::Request request;
  uint64_t at_ms;
  friend bool operator==(const TimedRequest&, const TimedRequest&) = default;
  friend void PrintTo(const TimedRequest& timed, std::ostream* out) {
    PrintTo(timed.request, out);
    *out << " at " << timed.at_ms << " ms";
  }
};

class PollWorld : public ClientWorld {
 protected:
  static constexpr uint64_t kRequestMs = 40;  // that each takes
  static constexpr size_t kSmallRecord = 120;

  // One row of nobody here.
  void add_noise() {
    Bytes record(kSmallRecord);
    random_.fill(record);
    server_.add(std::move(record));
  }
  // A window of `rows` rows or a few more: `messages`, spread, and noise. Sealed; the next hour runs.
  void window(std::vector<Bytes> messages, uint64_t rows) {
    const uint64_t first = server_.row_of(server_.records.size());
    for (size_t i = 0; i < messages.size(); ++i) {
      const uint64_t upto = rows * (i + 1) / (messages.size() + 1);
      while (server_.row_of(server_.records.size()) - first + 1 < upto) add_noise();
      placed_.push_back(server_.add(std::move(messages[i])));
    }
    while (server_.row_of(server_.records.size()) - first < rows ||
           server_.records.size() % FakeServer::kChunkRecords != 0)
      add_noise();
    server_.seal();
    server_.hour += 1;
  }
  // The hour that runs has a few records, and the server has its databases.
  void open_hour() {
    for (int i = 0; i < 5; ++i) add_noise();
    server_.offer(scheme_);
  }

  client::PollOptions options() const {
    return {.scheme = scheme_, .slots = slots_, .allow_relaxed_trust = scheme_ == "direct"};
  }
  std::unique_ptr<client::Poller> poller_of(Member& member) {
    return std::make_unique<client::Poller>(*member.store, random_, dialer_, payer_, clock_,
                                            client::Endpoint{"127.0.0.1", 1, "", "127.0.0.1:1"}, host_, options());
  }
  // A poll by itself, with what it asked in trace().
  Result<client::PollReport> poll(Member& member) {
    begin_trace();
    return poller_of(member)->poll();
  }
  void begin_trace() {
    trace_.clear();
    dialer_.dialled = 0;
    clock_.now = 1'000'000;
    server_.requests.clear();
  }
  const std::vector<TimedRequest>& trace() const { return trace_; }
  size_t queries() const {
    return static_cast<size_t>(
        std::count_if(trace_.begin(), trace_.end(), [](const auto& timed) { return timed.request.method == "POST"; }));
  }

  std::string scheme_ = "direct";
  uint32_t slots_ = 16;
  std::vector<uint64_t> placed_;  // of window()'s messages
  VirtualPollClock clock_;
  client::FreeOfCharge payer_;
  std::vector<TimedRequest> trace_;
  ScriptedDialer dialer_{[this](ScriptedDialer::Connection& connection) {
    const size_t before = server_.requests.size();
    std::string answer = server_.serve(connection);
    if (server_.requests.size() > before) {
      trace_.push_back({server_.requests.back(), clock_.now});
      clock_.now += kRequestMs;
    }
    return answer;
  }};
};

}  // namespace cwtch::test
