// How posts get from a shard to the writer of the log, and their outcomes back: one Mailbox per pair, which is two
// rings with one producer and one consumer each. Order is kept. A wake-up (Shard::wake) is only a hint to look here.
//
// Bound:   posts_max in flight and ring_bytes of records; when either is reached the post is refused with busy, and the
//          client is told to try again.
// Thread:  each end belongs to one thread, named at each function.
// Bytes:   send() copies the record; take() shows it where it lies until release().
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "engine/core/bytes.hpp"
#include "engine/core/check.hpp"
#include "engine/log/log.hpp"

namespace cwtch::server {

// Single producer, single consumer, bounded. T is copied.
template <class T>
class Ring {
 public:
  explicit Ring(size_t capacity) : slots_(capacity), mask_(capacity - 1) { CHECK((capacity & mask_) == 0); }

  bool push(const T& value) {  // producer
    const uint64_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == slots_.size()) return false;
    slots_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  bool pop(T& value) {  // consumer
    const uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    value = slots_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  // Either side; the other one may be moving. Sequentially consistent, for the check before going to sleep.
  bool empty() const { return head_.load() == tail_.load(); }

 private:
  std::vector<T> slots_;
  const size_t mask_;
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

// A ring of byte strings with a tag. Entries lie in one piece; the end of the ring is skipped where one does not fit.
class RecordRing {
 public:
  explicit RecordRing(size_t ring_bytes);

  bool push(void* tag, ByteView record);                       // producer; false: no room
  bool front(void*& tag, ByteView& record);                    // consumer; the bytes stay until pop()
  void pop();                                                  // consumer
  bool empty() const { return head_.load() == tail_.load(); }  // either side

 private:
  struct Entry {
    void* tag;
    uint32_t record_bytes;
    uint32_t entry_bytes;  // with this header, a multiple of 16
  };
  static_assert(sizeof(Entry) == 16);

  const std::unique_ptr<uint8_t[]> memory_;
  const size_t ring_bytes_;
  alignas(64) std::atomic<uint64_t> head_{0};
  alignas(64) std::atomic<uint64_t> tail_{0};
};

class Mailbox {
 public:
  struct Reply {
    log::Append* append = nullptr;
    Result<log::Append::Done> result;
  };

  Mailbox(size_t posts_max, size_t ring_bytes);

  // ---- the shard's end ----
  // Hands `append` over until receive() returns it. False: full.
  bool send(log::Append& append, ByteView record);
  bool receive(Reply& reply);
  bool has_replies() const { return !replies_.empty(); }

  // ---- the writer's end ----
  bool take(log::Append*& append, ByteView& record);  // the oldest post
  void release();                                     // its bytes
  void reply(const Reply& reply);
  bool has_posts() const { return !posts_.empty(); }

 private:
  const size_t posts_max_;
  size_t in_flight_ = 0;  // the shard's end
  RecordRing posts_;
  Ring<Reply> replies_;  // holds posts_max: a reply always finds room
};

}  // namespace cwtch::server
