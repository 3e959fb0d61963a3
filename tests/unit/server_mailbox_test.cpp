// What a shard hands to the writer arrives whole, once, in order; and so do the outcomes.
#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "engine/core/random.hpp"
#include "engine/server/mailbox.hpp"

namespace cwtch::server {
namespace {

Bytes record_of(uint64_t number) {
  Bytes record(1 + number * 7919 % 6000);
  SeededRandom(number).fill(record);
  return record;
}

// Any interleaving of pushes and pops, over many rounds through a small ring: the oldest bytes come out, whole.
TEST(RecordRing, KeepsOrderAndBytes) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    RecordRing ring(16 << 10);
    std::deque<uint64_t> inside;
    uint64_t next = 1;
    for (int step = 0; step < 2000; ++step) {
      if (random.below(2) == 0) {
        if (ring.push(reinterpret_cast<void*>(next), record_of(next))) inside.push_back(next++);
        continue;
      }
      void* tag = nullptr;
      ByteView record;
      ASSERT_EQ(ring.front(tag, record), !inside.empty());
      if (inside.empty()) continue;
      EXPECT_EQ(reinterpret_cast<uint64_t>(tag), inside.front());
      EXPECT_TRUE(equal_vartime(record, record_of(inside.front())));
      ring.pop();
      inside.pop_front();
      EXPECT_EQ(ring.empty(), inside.empty());
    }
  }
}

// A ring that is full says so, and has room again when the oldest entry goes; a record may fill it to the last byte.
TEST(RecordRing, FullUntilTheOldestGoes) {
  RecordRing ring(1024);
  int tag = 0;
  const Bytes quarter(240);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(&tag, quarter));
  EXPECT_FALSE(ring.push(&tag, Bytes(1)));
  void* got = nullptr;
  ByteView record;
  ASSERT_TRUE(ring.front(got, record));
  ring.pop();
  EXPECT_TRUE(ring.push(&tag, quarter));
  EXPECT_FALSE(ring.push(&tag, quarter));
}

// Posts beyond the bound are refused until outcomes have been received, not only until the writer has taken them.
TEST(Mailbox, BoundsWhatIsInFlight) {
  Mailbox mailbox(2, 1 << 16);
  log::Append a, b, c;
  const Bytes record(100);
  EXPECT_TRUE(mailbox.send(a, record));
  EXPECT_TRUE(mailbox.send(b, record));
  EXPECT_FALSE(mailbox.send(c, record));
  log::Append* taken = nullptr;
  ByteView bytes;
  ASSERT_TRUE(mailbox.take(taken, bytes));
  EXPECT_EQ(taken, &a);
  mailbox.release();
  EXPECT_FALSE(mailbox.send(c, record));
  mailbox.reply({taken, log::Append::Done{{7}, false}});
  Mailbox::Reply reply;
  ASSERT_TRUE(mailbox.receive(reply));
  EXPECT_EQ(reply.append, &a);
  EXPECT_EQ(reply.result->position.value, 7u);
  EXPECT_TRUE(mailbox.send(c, record));
}

// Two threads, a ring that is full most of the time: nothing is lost, doubled, torn or out of order.
TEST(Mailbox, BetweenThreads) {
  constexpr uint64_t kPosts = 20'000;
  Mailbox mailbox(64, 1 << 16);
  std::vector<log::Append> appends(64);
  std::thread writer([&] {
    uint64_t taken = 0;
    while (taken < kPosts) {
      log::Append* append = nullptr;
      ByteView record;
      if (!mailbox.take(append, record)) {
        std::this_thread::yield();
        continue;
      }
      EXPECT_TRUE(equal_vartime(record, record_of(taken % 100)));
      mailbox.release();
      mailbox.reply({append, log::Append::Done{{taken}, false}});
      taken += 1;
    }
  });
  std::vector<log::Append*> free;
  for (log::Append& append : appends) free.push_back(&append);
  uint64_t sent = 0, received = 0;
  while (received < kPosts) {
    while (sent < kPosts && !free.empty() && mailbox.send(*free.back(), record_of(sent % 100))) {
      free.pop_back();
      sent += 1;
    }
    Mailbox::Reply reply;
    if (!mailbox.receive(reply)) {
      std::this_thread::yield();
      continue;
    }
    EXPECT_EQ(reply.result->position.value, received);
    received += 1;
    free.push_back(reply.append);
  }
  writer.join();
}

}  // namespace
}  // namespace cwtch::server
