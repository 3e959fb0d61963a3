// The simulated machine keeps the contract of io::Io, gives its faults, and does the same again for the same seed.
#include <gtest/gtest.h>

#include <cerrno>

#include "engine/core/crc32c.hpp"
#include "engine/sim/network.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::sim {
namespace {

// Sends `size` bytes that depend on their place, in as many pieces as the network makes of it.
class Sender {
 public:
  Sender(io::Io& io, io::Address to, size_t size) : io_(io), bytes_(size) {
    for (size_t i = 0; i < size; ++i) bytes_[i] = static_cast<uint8_t>(i * 31 + i / 256);
    io_.connect(connect_, to, io::then<&Sender::connected>(this));
  }
  bool done = false;
  int error = 0;
  int busy = 0;

 private:
  void connected(io::Connect& connect) {
    socket_ = {connect.result_};
    if (connect.result_ < 0) return end(connect.result_);
    send_start();
  }
  void send_start() {
    io_.send(send_, socket_, ByteView(bytes_).subspan(sent_), {}, io::then<&Sender::send_done>(this));
  }
  void send_done(io::Send& send) {
    if (send.result_ == -EAGAIN) {
      ++busy;
      return io_.poll(poll_, socket_, io::PollFor::writable, io::then<&Sender::poll_done>(this));
    }
    if (send.result_ < 0) return end(send.result_);
    sent_ += static_cast<size_t>(send.result_);
    if (sent_ == bytes_.size()) return end(0);
    send_start();
  }
  void poll_done(io::Poll&) { send_start(); }
  void end(int result) {
    error = -result;
    if (!socket_) return closed(close_);
    io_.close(close_, socket_, io::then<&Sender::closed>(this));
  }
  void closed(io::Close&) { done = true; }

  io::Io& io_;
  Bytes bytes_;
  size_t sent_ = 0;
  io::Socket socket_;
  io::Connect connect_;
  io::Send send_;
  io::Poll poll_;
  io::Close close_;
};

// Accepts one connection and reads it to its end.
class Receiver {
 public:
  explicit Receiver(io::Io& io) : io_(io) {
    listener_ = *io_.listen({"127.0.0.1:0"}, {});
    address = *io_.local_address(listener_);
    io_.accept(accept_, listener_, io::then<&Receiver::accepted>(this));
  }
  io::Address address;
  Bytes received;
  int error = 0;
  bool done = false;

 private:
  void accepted(io::Accept& accept) {
    CHECK(accept.result_ >= 0);
    socket_ = {accept.result_};
    recv_start();
  }
  void recv_start() { io_.recv(recv_, socket_, io::then<&Receiver::recv_done>(this)); }
  void recv_done(io::Recv& recv) {
    const io::Buffer buffer = std::move(recv.buffer);
    if (recv.result_ <= 0) {
      error = -recv.result_;
      return io_.close(close_, socket_, io::then<&Receiver::closed>(this));
    }
    received.insert(received.end(), buffer.bytes().begin(), buffer.bytes().end());
    recv_start();
  }
  void closed(io::Close&) { io_.close(close_, listener_, io::then<&Receiver::all_closed>(this)); }
  void all_closed(io::Close&) { done = true; }

  io::Io& io_;
  io::Socket listener_, socket_;
  io::Accept accept_;
  io::Recv recv_;
  io::Close close_;
};

struct Transfer {
  Bytes received;
  int send_error, receive_error, busy;
  uint64_t duration_ns;
};

Transfer transfer(uint64_t seed, const Faults& faults) {
  World world(seed, faults);
  const auto server = world.make_io(), client = world.make_io();
  Receiver receiver(*server);
  Sender sender(*client, receiver.address, 300'000);
  world.add_loop(*server, [&] { server->turn(false); });
  world.add_loop(*client, [&] { client->turn(false); });
  EXPECT_TRUE(world.run_until([&] { return sender.done && receiver.done; })) << "seed " << seed;
  EXPECT_EQ(world.network().open_sockets(), 0u);
  return {receiver.received, sender.error, receiver.error, sender.busy, world.now_ns()};
}

TEST(SimNetwork, BytesArriveWholeAndInOrder) {
  int busy = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Transfer one = transfer(seed, {});
    ASSERT_EQ(one.received.size(), 300'000u) << "seed " << seed;
    for (size_t i = 0; i < one.received.size(); ++i)
      ASSERT_EQ(one.received[i], static_cast<uint8_t>(i * 31 + i / 256)) << "seed " << seed;
    busy += one.busy;
  }
  EXPECT_GT(busy, 0);
}

TEST(SimNetwork, ResetsReachBothEnds) {
  Faults faults;
  faults.network.reset = 0.05;
  int resets = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Transfer one = transfer(seed, faults);
    if (one.send_error == 0) continue;
    ++resets;
    EXPECT_EQ(one.send_error, ECONNRESET);
    EXPECT_EQ(one.receive_error, ECONNRESET);
    EXPECT_LT(one.received.size(), 300'000u);
  }
  EXPECT_GT(resets, 5);
}

TEST(SimWorld, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Transfer one = transfer(seed, {}), two = transfer(seed, {});
    EXPECT_EQ(one.duration_ns, two.duration_ns);
    EXPECT_EQ(one.busy, two.busy);
  }
  EXPECT_NE(transfer(1, {}).duration_ns, transfer(2, {}).duration_ns);
}

TEST(SimNetwork, ConnectingToNobodyIsRefused) {
  World world(1);
  const auto io = world.make_io();
  Sender sender(*io, {"127.0.0.1:1"}, 10);
  while (!sender.done) io->turn(true);
  EXPECT_EQ(sender.error, ECONNREFUSED);
}

struct Ticker {
  explicit Ticker(std::vector<int>& into, int number) : into_(into), number_(number) {}
  void fired(io::Timer& operation) {
    into_.push_back(number_);
    expired = operation.result_ == 0;
  }
  io::Timer timer;
  bool expired = false;

 private:
  std::vector<int>& into_;
  int number_;
};

TEST(SimIo, TimersComeInOrderAndCanBeCancelled) {
  World world(1);
  const auto io = world.make_io();
  std::vector<int> order;
  Ticker late(order, 1), soon(order, 2), never(order, 3);
  io->timer(late.timer, 100 * kSecond, io::then<&Ticker::fired>(&late));
  io->timer(soon.timer, 1 * kSecond, io::then<&Ticker::fired>(&soon));
  io->timer(never.timer, 1000 * kSecond, io::then<&Ticker::fired>(&never));
  io->cancel(never.timer);
  while (order.size() < 3) io->turn(true);
  EXPECT_EQ(order, (std::vector<int>{3, 2, 1}));
  EXPECT_FALSE(never.expired);
  EXPECT_TRUE(late.expired);
  EXPECT_LT(io->now_ns(), 110 * kSecond);
}

// Two worker functions that write to files of their own, and a list of who wrote when.
struct Writer {
  World* world;
  std::vector<int>* order;
  int number;
  io::Work work;
  bool back = false;

  static void run(void* argument) {
    Writer& self = *static_cast<Writer*>(argument);
    io::Files& files = self.world->files();
    const auto file = files.open("file" + std::to_string(self.number), {.write = true, .create = true});
    CHECK(file.has_value());
    for (int i = 0; i < 20; ++i) {
      CHECK(files.write(*file, Bytes(100), 100 * i).has_value());
      self.order->push_back(self.number);
    }
    files.close(*file);
  }
  void done(io::Work&) { back = true; }
};

TEST(SimIo, WorkerFunctionsInterleaveAtTheirFileCalls) {
  World world(3);
  const auto io = world.make_io();
  std::vector<int> order;
  Writer one{&world, &order, 1, {}}, two{&world, &order, 2, {}};
  io->work(one.work, &Writer::run, &one, io::then<&Writer::done>(&one));
  io->work(two.work, &Writer::run, &two, io::then<&Writer::done>(&two));
  while (!one.back || !two.back) io->turn(true);
  ASSERT_EQ(order.size(), 40u);
  int changes = 0;
  for (size_t i = 1; i < order.size(); ++i) changes += order[i] != order[i - 1];
  EXPECT_GT(changes, 5);
}

TEST(SimIo, SwitchingOffEndsWorkerFunctionsWithErrors) {
  World world(4);
  struct Stuck {
    World* world;
    Status last;
    static void run(void* argument) {
      Stuck& self = *static_cast<Stuck*>(argument);
      self.last = self.world->files().make_directory("a");
    }
  } stuck{&world, {}};
  bool done = false;
  world.run_on_fiber(&Stuck::run, &stuck, [&] { done = true; });
  EXPECT_FALSE(done);
  world.switch_off();
  EXPECT_TRUE(done);
  EXPECT_EQ(stuck.last.error().sys, EIO);
  EXPECT_FALSE(world.advance());
}

class FileUser {
 public:
  explicit FileUser(World& world) : io_(world.make_io()) {
    file_ = *world.files().open("f", {.write = true, .create = true});
  }
  int64_t write(ByteView bytes, uint64_t offset, bool durable) {
    io_->write(write_, file_, bytes, offset, durable, io::then<&FileUser::done<io::Write>>(this));
    return wait();
  }
  int64_t read(MutableBytes to, uint64_t offset) {
    io_->read(read_, file_, to, offset, io::then<&FileUser::done<io::Read>>(this));
    return wait();
  }
  int64_t sync() {
    io_->sync(sync_, file_, io::then<&FileUser::done<io::Sync>>(this));
    return wait();
  }

 private:
  template <class Op>
  void done(Op& operation) {
    result_ = operation.result_;
    done_ = true;
  }
  int64_t wait() {
    done_ = false;
    while (!done_) io_->turn(true);
    return result_;
  }
  std::unique_ptr<io::Io> io_;
  io::File file_;
  io::Write write_;
  io::Read read_;
  io::Sync sync_;
  int64_t result_ = 0;
  bool done_ = false;
};

TEST(SimIo, FilesGiveShortTransfersAndErrorsAsAskedFor) {
  Faults faults;
  faults.disk.short_write = faults.disk.short_read = 0.5;
  World world(5, faults);
  FileUser user(world);
  const Bytes bytes(1000, 'x');
  int short_writes = 0, short_reads = 0;
  for (int i = 0; i < 50; ++i) short_writes += user.write(bytes, 0, true) < 1000;
  Bytes back(1000);
  for (int i = 0; i < 50; ++i) short_reads += user.read(back, 0) < 1000;
  EXPECT_GT(short_writes, 10);
  EXPECT_GT(short_reads, 10);
  world.disk().script({DiskCall::sync, 0, EIO});
  EXPECT_EQ(user.sync(), -EIO);
  EXPECT_EQ(user.sync(), 0);
}

}  // namespace
}  // namespace cwtch::sim
