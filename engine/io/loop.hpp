// What the ring and epoll have in common: the queue of completions, timers, workers, and being woken from elsewhere.
#pragma once

#include <atomic>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/io.hpp"
#include "engine/io/timers.hpp"
#include "engine/io/workers.hpp"

namespace cwtch::io {

class Loop : public Io {
 public:
  explicit Loop(const IoOptions& options);
  ~Loop() override;

  uint64_t now_ns() const override { return now_ns_; }
  void timer(Timer& operation, uint64_t after_ns, Callback callback) override;
  void work(Work& operation, void (*function)(void*), void* argument, Callback callback) override;
  void on_notify(void (*function)(void* owner), void* owner) override;

 protected:
  // Fills in what every operation has; it is in flight from here on.
  void begin(Operation& operation, Callback callback, int32_t handle);
  // Its callback runs in this turn's second half, or in the next turn.
  void complete(Operation& operation, int32_t result);
  // Callbacks wait to be run: the turn must not wait for more.
  bool anything_ready() { return !ready_.empty() || notified_.load(std::memory_order_acquire); }
  void clock_tick() { now_ns_ = clock_.monotonic_ns(); }

  // Nanoseconds to the earliest timer; UINT64_MAX without one.
  uint64_t until_timer() const;
  void expire_timers();
  bool cancel_timer(Operation& operation);

  // True for the first of several notifications that nobody has heard yet: only that one has to wake the loop.
  bool notify_first() { return !notified_.exchange(true, std::memory_order_acq_rel); }
  void wake();  // any thread: the eventfd becomes readable
  int wake_descriptor() const { return wake_; }
  void woken();          // the eventfd was read: collects from the workers
  void run_callbacks();  // all that are ready now, and the notified one

  Workers& workers() { return workers_; }

 private:
  static int make_eventfd();

  SystemClock clock_;
  uint64_t now_ns_;
  const int wake_;
  Workers workers_;
  Timers timers_;
  List<Operation> ready_;
  std::atomic<bool> notified_{false};
  void (*notify_function_)(void*) = nullptr;
  void* notify_owner_ = nullptr;
};

// Receive memory: `count` buffers of `bytes` each, handed out and taken back.
class ReceiveMemory {
 public:
  ReceiveMemory(uint32_t count, uint32_t bytes) : bytes_(bytes), count_(count), memory_(size_t{count} * bytes) {}
  uint8_t* at(uint32_t index) const { return memory_.data() + size_t{index} * bytes_; }
  uint32_t index(const uint8_t* buffer) const {
    return static_cast<uint32_t>(static_cast<size_t>(buffer - memory_.data()) / bytes_);
  }
  uint32_t bytes() const { return bytes_; }
  uint32_t count() const { return count_; }

 private:
  uint32_t bytes_;
  uint32_t count_;
  AlignedMemory memory_;
};

}  // namespace cwtch::io
