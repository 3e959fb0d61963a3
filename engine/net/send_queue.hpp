// Who may send in this turn of the loop, and how much: live senders first and all of them, then bulk senders in turn
// until a budget is used; the last of them may use as much again. A send runs inside the kernel call that submits the
// turn, so the budget bounds how long one turn can keep a small request waiting: 128 KiB is about 35 µs over loopback.
// When nothing live has been sent for some hundred turns, nobody waits, and turns become longer: larger sends wake
// their receivers less often, which saves 5 to 10 % of a byte. The first request after such a quiet time meets
// one long turn.
//
// Bound:   every connection is in the queue at most once.
// Thread:  the shard's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/core/list.hpp"

namespace cwtch::net {

enum class Urgency : uint8_t {
  none,  // nothing to send: not queued
  live,  // small answers, and followers at the end of the log
  bulk,  // whoever reads what has long been there
};

class Sender : public ListLink {
 public:
  // Starts at most one send, of at most `bytes_max`, and returns how many bytes it hands to the kernel; 0 when there is
  // nothing to send now.
  virtual size_t send_turn(size_t bytes_max) = 0;

 protected:
  ~Sender() = default;
};

class SendQueue {
 public:
  static constexpr uint32_t kQuietTurns = 256;
  static constexpr size_t kQuietFactor = 16;

  explicit SendQueue(size_t bulk_bytes_max) : bulk_bytes_max_(bulk_bytes_max) {}

  void push(Sender& sender, Urgency urgency) {
    if (urgency == Urgency::none) return;
    (urgency == Urgency::live ? live_ : bulk_).push_back(sender);
  }
  bool empty() const { return live_.empty() && bulk_.empty(); }

  // Call once per turn, last. Bulk senders that are left over stay in the queue: the next turn must not wait.
  void run() {
    // A sender that asks again from send_turn() is served in the next turn: the loop ends whatever it does.
    List<Sender> live;
    live.splice_back(live_);
    quiet_turns_ = std::min(quiet_turns_ + 1, kQuietTurns);
    while (!live.empty()) {
      if (live.pop_front().send_turn(SIZE_MAX) > 0) quiet_turns_ = 0;
    }
    const size_t budget = quiet_turns_ < kQuietTurns ? bulk_bytes_max_ : bulk_bytes_max_ * kQuietFactor;
    size_t sent = 0;
    while (!bulk_.empty() && sent < budget) sent += bulk_.pop_front().send_turn(budget);
  }

 private:
  size_t bulk_bytes_max_;
  uint32_t quiet_turns_ = 0;  // since something live was sent
  List<Sender> live_;
  List<Sender> bulk_;
};

}  // namespace cwtch::net
