// Who may send in this turn of the loop: live senders first and all of them, then bulk senders round robin until a
// budget is used. A send runs inside the kernel call that submits the turn, so the budget bounds how long one turn can
// keep a small request waiting: 256 KiB is about 60 µs over loopback.
//
// Bound:   every connection is in the queue at most once.
// Thread:  the shard's.
#pragma once

#include <cstddef>

#include "engine/core/list.hpp"

namespace cwtch::net {

enum class Urgency : uint8_t {
  live,  // small answers, and followers at the end of the log
  bulk,  // whoever reads what has long been there
};

class Sender : public ListLink {
 public:
  // Starts at most one send and returns how many bytes it hands to the kernel; 0 when there is nothing to send now.
  virtual size_t send_turn() = 0;

 protected:
  ~Sender() = default;
};

class SendQueue {
 public:
  explicit SendQueue(size_t bulk_bytes_max) : bulk_bytes_max_(bulk_bytes_max) {}

  void push(Sender& sender, Urgency urgency) { (urgency == Urgency::live ? live_ : bulk_).push_back(sender); }
  bool empty() const { return live_.empty() && bulk_.empty(); }

  // Call once per turn, last. Bulk senders that are left over stay in the queue: the next turn must not wait.
  void run() {
    // A sender that asks again from send_turn() is served in the next turn: the loop ends whatever it does.
    List<Sender> live;
    live.splice_back(live_);
    while (!live.empty()) live.pop_front().send_turn();
    size_t sent = 0;
    while (!bulk_.empty() && sent < bulk_bytes_max_) sent += bulk_.pop_front().send_turn();
  }

 private:
  size_t bulk_bytes_max_;
  List<Sender> live_;
  List<Sender> bulk_;
};

}  // namespace cwtch::net
