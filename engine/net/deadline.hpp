// Deadlines of many objects at the cost of one timer: everything in a list has the same duration, so the list is in
// order of expiry by itself, arming and disarming are O(1), and a tick looks at the front only.
//
// Thread:  the shard's.
#pragma once

#include "engine/core/check.hpp"
#include "engine/core/list.hpp"

namespace cwtch::net {

// A member of whatever has a deadline; in at most one list at a time. Leaves its list when destroyed.
class Deadline : public ListLink {
 public:
  explicit Deadline(void* owner) : owner_(owner) {}
  void disarm() { unlink(); }
  bool armed() const { return linked(); }

 private:
  friend class DeadlineList;
  void* owner_;
  uint64_t at_ns_ = 0;
};

class DeadlineList {
 public:
  using Expired = void (*)(void* owner);

  // `expired` is called with the owner of each deadline that has passed, which is disarmed by then.
  DeadlineList(uint64_t duration_ns, Expired expired) : duration_ns_(duration_ns), expired_(expired) {}

  // Starts the duration anew. A deadline in another list leaves it.
  void arm(Deadline& deadline, uint64_t now_ns) {
    deadline.unlink();
    deadline.at_ns_ = now_ns + duration_ns_;
    list_.push_back(deadline);
  }

  // Call about as often as deadlines should be precise. What is armed by a callback waits for the next call.
  void tick(uint64_t now_ns) {
    while (!list_.empty() && list_.front().at_ns_ <= now_ns) {
      void* const owner = list_.front().owner_;
      list_.pop_front();
      expired_(owner);
    }
  }

  // Lets the oldest expire at once, to make room: false when there is none.
  bool expire_oldest() {
    if (list_.empty()) return false;
    void* const owner = list_.front().owner_;
    list_.pop_front();
    expired_(owner);
    return true;
  }

  bool empty() const { return list_.empty(); }

 private:
  uint64_t duration_ns_;
  Expired expired_;
  List<Deadline> list_;
};

}  // namespace cwtch::net
