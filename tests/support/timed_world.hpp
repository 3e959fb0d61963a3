// A fake server whose visitors are watched: what it sees of each request, and when, on a clock that only requests,
// writes to disk and members' own work move.
#pragma once

#include <ostream>

#include "engine/client/marks.hpp"
#include "engine/client/payer.hpp"
#include "tests/support/client_world.hpp"
#include "tests/support/slow_files.hpp"

namespace cwtch::test {

class VirtualMarkClock final : public client::MarkClock {
 public:
  uint64_t now_ms() override { return now; }
  void wait_until(uint64_t ms) override { now = std::max(now, ms); }
  void worked() override { now += work_ms; }

  uint64_t now = 1'000'000;
  uint64_t work_ms = 0;  // that a member's own work takes each time
};

// A request, and when it began. Likewise what else can be seen or counted: "pay", and "close" of a connection with the
// bytes of answers that nobody took: a server sees that it is reset.
struct TimedRequest {
  FakeServer::Request request;
  uint64_t at_ms;
  friend bool operator==(const TimedRequest&, const TimedRequest&) = default;
  friend void PrintTo(const TimedRequest& timed, std::ostream* out) {
    PrintTo(timed.request, out);
    *out << " at " << timed.at_ms << " ms";
  }
};

class TimedWorld : public ClientWorld {
 protected:
  static constexpr uint64_t kRequestMs = 40;    // that each takes
  static constexpr size_t kPieceBytes = 1'000;  // that come at a time: less than any answer to a query
  using Trace = std::vector<TimedRequest>;

  void begin_trace() {
    trace_.clear();
    dialer_.dialled = 0;
    clock_.now = 1'000'000;
    server_.requests.clear();
  }
  const Trace& trace() const { return trace_; }
  size_t queries() const {
    return static_cast<size_t>(
        std::count_if(trace_.begin(), trace_.end(), [](const auto& timed) { return timed.request.method == "POST"; }));
  }
  static bool is_query(const std::string& target) { return target.starts_with("/v1/pir/"); }

  struct WatchedPayer final : client::Payer {
    explicit WatchedPayer(TimedWorld& w) : world(w) {}
    const char* policy() const override { return "open"; }
    Result<std::string> pay() override {
      world.note("pay", 0);
      return std::string();
    }
    TimedWorld& world;
  };

  TimedWorld() {
    dialer_.on_close = [this](size_t connection, size_t unread) { note("close", connection, unread); };
  }
  void note(const char* what, size_t connection, size_t bytes = 0) {
    trace_.push_back({{what, "", "", bytes, connection}, clock_.now});
  }

  io::Files& files() override { return slow_files_; }

  VirtualMarkClock clock_;
  SlowFiles slow_files_{[this]() -> io::Files& { return world_->files(); },
                        [this](size_t bytes) { clock_.now += 1 + bytes / 100; }};
  WatchedPayer payer_{*this};
  Trace trace_;
  ScriptedDialer dialer_{[this](ScriptedDialer::Connection& connection) {
                           const size_t before = server_.requests.size();
                           std::string answer = server_.serve(connection);
                           if (server_.requests.size() > before) {
                             trace_.push_back({server_.requests.back(), clock_.now});
                             clock_.now += kRequestMs;
                           }
                           return answer;
                         },
                         kPieceBytes};
};

}  // namespace cwtch::test
