#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/io_test.hpp"

namespace cwtch::io::test {
namespace {

class IoTime : public IoTest {};
INSTANTIATE_TEST_SUITE_P(Backends, IoTime, backends(), backend_name);
class IoThreads : public IoTest {};
INSTANTIATE_TEST_SUITE_P(Backends, IoThreads, backends(), backend_name);

struct Recorder {
  std::vector<int> order;
};
struct NamedTimer {
  NamedTimer(Recorder& where, int which) : recorder(where), name(which) {}
  Recorder& recorder;
  int name;
  Timer timer;
  void expired(Timer&) { recorder.order.push_back(name); }
};

TEST_P(IoTime, TimersExpireInOrderOfDeadlineThenOfStart) {
  Recorder recorder;
  NamedTimer timers[] = {{recorder, 0}, {recorder, 1}, {recorder, 2}, {recorder, 3}, {recorder, 4}};
  // Started from one callback, so that all count from the same moment.
  struct Starter {
    Io& io;
    NamedTimer* timers;
    Timer now;
    void start(Timer&) {
      const uint64_t after_ms[] = {30, 10, 20, 10, 0};
      for (int index = 0; index < 5; ++index) {
        io.timer(timers[index].timer, after_ms[index] * kMillisecond, then<&NamedTimer::expired>(&timers[index]));
      }
    }
  } starter{*io, timers, {}};
  io->timer(starter.now, 0, then<&Starter::start>(&starter));
  while (recorder.order.size() < 5) io->turn(true);
  EXPECT_THAT(recorder.order, testing::ElementsAre(4, 1, 3, 2, 0));
  for (const NamedTimer& timer : timers) EXPECT_TRUE(timer.timer.expired());
}

TEST_P(IoTime, TimersAreNeverEarly) {
  Pending<Timer> timer;
  const uint64_t start = SystemClock().monotonic_ns();
  io->timer(timer.operation, 20 * kMillisecond, timer.callback());
  wait(timer);
  EXPECT_GE(io->now_ns(), start + 20 * kMillisecond);
}

TEST_P(IoTime, CancelledTimersComeBack) {
  Pending<Timer> far;
  Pending<Timer> farther;
  Pending<Timer> never;
  io->timer(far.operation, 3600 * kSecond, far.callback());
  io->timer(farther.operation, 7200 * kSecond, farther.callback());
  io->timer(never.operation, UINT64_MAX, never.callback());
  io->cancel(far.operation);
  io->cancel(far.operation);
  EXPECT_FALSE(far.done());
  wait(far);
  EXPECT_FALSE(far.operation.expired());
  io->cancel(never.operation);
  io->cancel(farther.operation);
  wait(farther, never);
  EXPECT_EQ(far.done_count, 1);
}

// Many timers, added and cancelled in a shuffled order: exactly the others expire, in order.
TEST_P(IoTime, ManyTimers) {
  constexpr int kCount = 2000;
  Recorder recorder;
  std::vector<std::unique_ptr<NamedTimer>> timers;
  for (int index = 0; index < kCount; ++index) {
    timers.push_back(std::make_unique<NamedTimer>(recorder, index));
  }
  struct Starter {
    Io& io;
    std::vector<std::unique_ptr<NamedTimer>>& timers;
    Timer now;
    void start(Timer&) {
      for (int index = 0; index < kCount; ++index) {
        const int name = index * 7919 % kCount;  // 7919 is prime: a permutation
        NamedTimer& timer = *timers[static_cast<size_t>(name)];
        io.timer(timer.timer, static_cast<uint64_t>(name) * 1000, then<&NamedTimer::expired>(&timer));
      }
      for (int index = 0; index < kCount; index += 3) io.cancel(timers[static_cast<size_t>(index)]->timer);
    }
  } starter{*io, timers, {}};
  io->timer(starter.now, 0, then<&Starter::start>(&starter));
  while (recorder.order.size() < kCount) io->turn(true);

  std::vector<int> expired;
  for (const int name : recorder.order) {
    const bool cancelled = name % 3 == 0;
    EXPECT_EQ(timers[static_cast<size_t>(name)]->timer.expired(), !cancelled);
    if (!cancelled) expired.push_back(name);
  }
  EXPECT_TRUE(std::is_sorted(expired.begin(), expired.end()));
}

struct Counter {
  int count = 0;
  static void add(void* self) { ++static_cast<Counter*>(self)->count; }
};

TEST_P(IoThreads, NotifyFromItselfAndFromOutside) {
  Counter notified;
  io->on_notify(&Counter::add, &notified);
  io->notify(io.get());
  io->notify(io.get());
  io->turn(true);  // does not block
  EXPECT_EQ(notified.count, 1);
  io->notify(nullptr);
  while (notified.count < 2) io->turn(true);
}

// Whatever a thread wrote before notify() is seen by the callback that follows, and no notification is lost.
TEST_P(IoThreads, NotifyFromOtherThreads) {
  constexpr uint64_t kPerThread = 2000;
  struct Mailbox {
    std::atomic<uint64_t> posted = 0;
    uint64_t seen = 0;
    static void look(void* self) {
      Mailbox& mailbox = *static_cast<Mailbox*>(self);
      mailbox.seen = mailbox.posted.load(std::memory_order_relaxed);
    }
  } mailbox;
  io->on_notify(&Mailbox::look, &mailbox);
  std::vector<std::thread> threads;
  for (int index = 0; index < 3; ++index) {
    threads.emplace_back([&] {
      for (uint64_t count = 0; count < kPerThread; ++count) {
        mailbox.posted.fetch_add(1, std::memory_order_relaxed);
        io->notify(nullptr);
      }
    });
  }
  while (mailbox.seen < 3 * kPerThread) io->turn(true);
  for (std::thread& thread : threads) thread.join();
}

// Two shards on two threads throw a ball to each other, each by way of its own Io.
TEST_P(IoThreads, NotifyFromAnotherIo) {
  constexpr uint64_t kThrows = 5000;
  struct Player {
    std::unique_ptr<Io> io;
    Player* other = nullptr;
    std::atomic<uint64_t> ball = 0;  // written by the other
    uint64_t last = 0;
    static void caught(void* self) {
      Player& player = *static_cast<Player*>(self);
      const uint64_t ball = player.ball.load(std::memory_order_relaxed);
      if (ball == player.last) return;
      player.last = ball;
      player.other->ball.store(ball + 1, std::memory_order_relaxed);
      player.other->io->notify(player.io.get());
    }
    void play() {
      while (last < kThrows) io->turn(true);
    }
  } players[2];
  for (Player& player : players) {
    Result<std::unique_ptr<Io>> made = make_tested(GetParam());
    ASSERT_TRUE(made);
    player.io = std::move(*made);
    player.io->on_notify(&Player::caught, &player);
  }
  players[0].other = &players[1];
  players[1].other = &players[0];
  std::thread thread([&] {
    players[1].play();
    players[1].io->turn(false);  // sends the last one on its way
  });
  players[0].ball = 1;
  players[0].io->notify(nullptr);
  players[0].play();
  players[0].io->turn(false);
  thread.join();
}

// A message that is still in the queue of an Io that has stopped turning holds up nobody else's notification.
TEST_P(IoThreads, NotifyDoesNotRelyOnSomebodyElsesTurn) {
  Result<std::unique_ptr<Io>> stopped = make_tested(GetParam());
  ASSERT_TRUE(stopped);
  Counter notified;
  io->on_notify(&Counter::add, &notified);
  std::atomic<bool> turning = false;
  std::thread thread([&] {
    io->turn(false);  // a ring takes messages from here on
    turning = true;
    turning.notify_one();
    while (notified.count == 0) io->turn(true);
  });
  turning.wait(false);
  io->notify(stopped->get());
  io->notify(nullptr);
  thread.join();
}

// The two back ends can notify each other too: an administrator's thread need not run on the same one.
TEST_P(IoThreads, NotifyFromTheOtherKindOfIo) {
  Result<std::unique_ptr<Io>> made = make_tested(GetParam() == Tested::epoll ? Tested::uring : Tested::epoll);
  ASSERT_TRUE(made);
  Counter notified;
  io->on_notify(&Counter::add, &notified);
  io->notify(made->get());
  (*made)->turn(false);
  while (notified.count == 0) io->turn(true);
}

struct Job {
  std::thread::id ran_on;
  int input = 0;
  int output = 0;
  static void run(void* self) {
    Job& job = *static_cast<Job*>(self);
    job.ran_on = std::this_thread::get_id();
    job.output = job.input * 2;
  }
};

// More jobs than threads: all are done, none on the Io's thread, and each result is visible to its callback.
TEST_P(IoThreads, WorkRunsElsewhereAndComesBackHere) {
  make({.workers_max = 3});
  constexpr int kCount = 200;
  std::vector<Job> jobs(kCount);
  std::vector<std::unique_ptr<Pending<Work>>> works;
  for (int index = 0; index < kCount; ++index) {
    jobs[static_cast<size_t>(index)].input = index;
    works.push_back(std::make_unique<Pending<Work>>());
    io->work(works.back()->operation, &Job::run, &jobs[static_cast<size_t>(index)], works.back()->callback());
  }
  for (auto& work : works) wait(*work);
  for (const Job& job : jobs) {
    EXPECT_EQ(job.output, 2 * job.input);
    EXPECT_NE(job.ran_on, std::this_thread::get_id());
  }
}

// Work that takes long delays neither the loop nor other work.
TEST_P(IoThreads, LongWorkDelaysNobody) {
  std::atomic<bool> release = false;
  Pending<Work> held;
  Pending<Work> quick;
  Pending<Timer> timer;
  io->work(
      held.operation, [](void* flag) { static_cast<std::atomic<bool>*>(flag)->wait(false); }, &release,
      held.callback());
  io->work(
      quick.operation, [](void*) {}, nullptr, quick.callback());
  io->timer(timer.operation, kMillisecond, timer.callback());
  wait(quick, timer);
  EXPECT_FALSE(held.done());
  io->cancel(held.operation);  // has no effect: it runs to its end
  release = true;
  release.notify_all();
  wait(held);
}

// An Io may be made by one thread and used by another: a shard's is made at start-up.
TEST_P(IoThreads, MadeHereUsedThere) {
  std::thread([&] {
    const Pair pair = connect_pair();
    EXPECT_TRUE(send(pair.client, "from the thread that turns it"));
    EXPECT_EQ(recv(pair.server), "from the thread that turns it");
    close(pair);
  }).join();
}

}  // namespace
}  // namespace cwtch::io::test
