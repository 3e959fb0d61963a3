// Deadlines, turns to send, connections and listeners, over the simulator's network.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/net/connection.hpp"
#include "engine/net/listener.hpp"
#include "engine/sim/network.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::net {
namespace {

// ---- deadlines ----

struct Waiter {
  explicit Waiter(std::vector<int>& e, int n) : expired(e), number(n) {}
  static void expire(void* self) {
    auto& waiter = *static_cast<Waiter*>(self);
    waiter.expired.push_back(waiter.number);
  }
  std::vector<int>& expired;
  int number;
  Deadline deadline{this};
};

// Whatever is armed last expires last; arming anew starts again; another list takes over; who is gone is not called.
TEST(DeadlineList, ExpireInOrderOfArming) {
  std::vector<int> expired;
  DeadlineList list(100, &Waiter::expire), other(1000, &Waiter::expire);
  Waiter one(expired, 1), two(expired, 2), three(expired, 3);
  auto four = std::make_unique<Waiter>(expired, 4);
  list.arm(one.deadline, 0);
  list.arm(two.deadline, 10);
  list.arm(three.deadline, 20);
  list.arm(four->deadline, 30);
  list.arm(one.deadline, 40);
  other.arm(three.deadline, 40);
  four.reset();
  list.tick(109);
  EXPECT_TRUE(expired.empty());
  list.tick(110);
  EXPECT_EQ(expired, std::vector<int>{2});
  list.tick(140);
  EXPECT_EQ(expired, (std::vector<int>{2, 1}));
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.expire_oldest());
  EXPECT_TRUE(other.expire_oldest());
  EXPECT_EQ(expired, (std::vector<int>{2, 1, 3}));
}

// ---- who may send ----

class FakeSender final : public Sender {
 public:
  FakeSender(std::vector<int>& turns, int number, size_t bytes) : turns_(turns), number_(number), bytes_(bytes) {}
  size_t send_turn(size_t bytes_max) override {
    turns_.push_back(number_);
    return std::min(bytes_, bytes_max);
  }

 private:
  std::vector<int>& turns_;
  int number_;
  size_t bytes_;
};

TEST(SendQueue, LiveFirstThenBulkUpToTheBudget) {
  std::vector<int> turns;
  SendQueue queue(1000);
  FakeSender bulk1(turns, 1, 600), bulk2(turns, 2, 600), bulk3(turns, 3, 600), live1(turns, 11, 5000),
      live2(turns, 12, 5000);
  queue.push(bulk1, Urgency::bulk);
  queue.push(live1, Urgency::live);
  queue.push(bulk2, Urgency::bulk);
  queue.push(bulk3, Urgency::bulk);
  queue.push(live2, Urgency::live);
  queue.run();
  EXPECT_EQ(turns, (std::vector<int>{11, 12, 1, 2}));
  EXPECT_FALSE(queue.empty());
  queue.push(bulk1, Urgency::bulk);
  queue.run();
  EXPECT_EQ(turns, (std::vector<int>{11, 12, 1, 2, 3, 1})) << "who was left over comes first";
  EXPECT_TRUE(queue.empty());
}

TEST(SendQueue, LongerTurnsWhileNothingLiveIsSent) {
  constexpr size_t kBudget = 1000;
  std::vector<int> turns;
  SendQueue queue(kBudget);
  FakeSender live(turns, 0, 10), greedy(turns, 1, 1 << 20);
  std::deque<FakeSender> bulk;
  for (int i = 0; i < 40; ++i) bulk.emplace_back(turns, 2, 500);
  const auto sends_in_a_turn = [&](bool with_live) {
    if (with_live) queue.push(live, Urgency::live);
    for (FakeSender& sender : bulk) {
      sender.unlink();
      queue.push(sender, Urgency::bulk);
    }
    turns.clear();
    queue.run();
    return turns.size() - with_live;
  };
  EXPECT_EQ(sends_in_a_turn(true), 2u);
  for (uint32_t i = 1; i < SendQueue::kQuietTurns; ++i) ASSERT_EQ(sends_in_a_turn(false), 2u) << i;
  EXPECT_EQ(sends_in_a_turn(false), 2 * SendQueue::kQuietFactor);
  EXPECT_EQ(sends_in_a_turn(true), 2u) << "whoever asks now is not alone";
  for (FakeSender& sender : bulk) sender.unlink();
  queue.push(greedy, Urgency::bulk);
  queue.push(bulk[0], Urgency::bulk);
  turns.clear();
  queue.run();
  EXPECT_EQ(turns, (std::vector<int>{1})) << "one sender's bytes are bounded as well";
}

// ---- connections ----

// Answers every byte that it gets with `factor` bytes, made when they are sent.
class Echo final : public Handler, public ListLink {
 public:
  Echo(io::Io& io, SendQueue& queue, size_t factor, std::function<void(Echo&)> closed)
      : connection(io, queue, *this), factor_(factor), closed_(std::move(closed)) {}

  Status feed(ByteView bytes) override {
    owed += bytes.size() * factor_;
    connection.send_start();
    return {};
  }
  Status finished() override {
    finishing_ = true;
    if (owed == 0) return fail(Errc::closed, "echo: done");
    return {};
  }
  Result<Piece> pull() override {
    EXPECT_FALSE(in_flight_);
    const size_t size = std::min<size_t>(owed, sizeof piece_);
    in_flight_ = size > 0;
    for (size_t i = 0; i < size; ++i) piece_[i] = static_cast<uint8_t>(sent_ + i);
    return Piece{{piece_, size}, false};
  }
  void sent(size_t size) override {
    EXPECT_TRUE(in_flight_);
    in_flight_ = false;
    sent_ += size;
    owed -= size;
    if (finishing_ && owed == 0) connection.close_start({Errc::closed, 0, "echo: done"});
  }
  Urgency urgency() const override { return Urgency::bulk; }
  void closing(const Error& error) override { reason = error; }
  bool idle() const override { return true; }
  void closed() override { closed_(*this); }

  Connection connection;
  Error reason{};
  size_t owed = 0;

 private:
  size_t factor_;
  std::function<void(Echo&)> closed_;
  bool finishing_ = false;
  bool in_flight_ = false;
  size_t sent_ = 0;
  uint8_t piece_[8192];
};

class EchoServer final : public Listener::Owner {
 public:
  EchoServer(io::Io& io, size_t factor, size_t connections_max)
      : io_(io), factor_(factor), connections_max_(connections_max), listener(io, *this) {
    CHECK(listener.start({.address = {"127.0.0.1:0"}, .socket = {}}));
  }
  void accepted(io::Socket socket, bool) override {
    most = std::max(most, ++open);
    auto* const echo = new Echo(io_, queue, factor_, [this](Echo& closed) {
      delete &closed;
      --open;
      listener.room_again();
    });
    echos_.push_back(*echo);
    echo->connection.start(socket, false);
  }
  bool has_room() const override { return open < connections_max_; }
  bool make_room() override {
    rooms_asked += 1;
    if (!evict || echos_.empty()) return false;
    evict = false;
    echos_.front().connection.close_start({Errc::closed, 0, "evicted"});
    return true;
  }
  void turn() {
    io_.turn(false);
    queue.run();
  }
  void close_all() {
    for (Echo* e = echos_.empty() ? nullptr : &echos_.front(); e != nullptr;) {
      Echo* const next = echos_.next(*e);
      e->connection.close_start({Errc::closed, 0, "stopped"});
      e = next;
    }
  }

 private:
  io::Io& io_;
  size_t factor_;
  size_t connections_max_;

 public:
  SendQueue queue{64 << 10};
  Listener listener;
  size_t open = 0, most = 0, rooms_asked = 0;
  bool evict = false;

 private:
  List<Echo> echos_;
};

// Sends `size` bytes, says that it has finished, and counts and checks what comes.
class EchoClient {
 public:
  EchoClient(io::Io& io, const io::Address& to, size_t size) : io_(io), size_(size) {
    io_.connect(connect_, to, io::then<&EchoClient::connected>(this));
  }
  size_t received = 0;
  bool done = false;
  bool broken = false;
  bool reading = true;
  void read_on() {
    reading = true;
    io_.recv(recv_, socket_, io::then<&EchoClient::recv_done>(this));
  }

 private:
  void connected(io::Connect& connect) {
    if (!connect.socket()) {
      broken = done = true;
      return;
    }
    socket_ = *connect.socket();
    if (reading) read_on();
    send_start();
  }
  void send_start() {
    static const Bytes zeros(4096);
    const size_t rest = size_ - sent_;
    if (rest == 0) return io_.finish_sending(socket_);
    io_.send(send_, socket_, ByteView(zeros).first(std::min(rest, zeros.size())), {},
             io::then<&EchoClient::send_done>(this));
  }
  void send_done(io::Send& send) {
    if (over_) return close_when_idle();
    if (send.size()) sent_ += *send.size();
    if (send.size()) return send_start();
    if (send.size().error().code != Errc::busy) return;  // the receive tells
    io_.poll(poll_, socket_, io::PollFor::writable, io::then<&EchoClient::poll_done>(this));
  }
  void poll_done(io::Poll&) {
    if (over_) return close_when_idle();
    send_start();
  }
  void recv_done(io::Recv& recv) {
    const io::Buffer buffer = std::move(recv.buffer);
    if (!recv.size() || *recv.size() == 0) {
      broken = !recv.size();
      over_ = true;
      return close_when_idle();
    }
    for (const uint8_t byte : buffer.bytes()) {
      EXPECT_EQ(byte, static_cast<uint8_t>(received));
      ++received;
    }
    read_on();
  }
  void close_when_idle() {
    if (send_.in_flight() || poll_.in_flight() || close_.in_flight()) return;
    io_.close(close_, socket_, io::then<&EchoClient::close_done>(this));
  }
  void close_done(io::Close&) { done = true; }

  io::Io& io_;
  size_t size_, sent_ = 0;
  bool over_ = false;
  io::Connect connect_;
  io::Send send_;
  io::Poll poll_;
  io::Recv recv_;
  io::Close close_;
  io::Socket socket_;
};

class NetWorld {
 public:
  NetWorld(uint64_t seed, size_t factor, size_t connections_max, const sim::Faults& faults = {})
      : world(seed, faults), io(world.make_io()), client_io(world.make_io()) {
    server = std::make_unique<EchoServer>(*io, factor, connections_max);
    world.add_loop(*io, [this] { server->turn(); });
    world.add_loop(*client_io, [this] { client_io->turn(false); });
  }
  ~NetWorld() {
    server->listener.stop();
    server->close_all();
    EXPECT_TRUE(world.run_until([this] { return server->listener.idle() && server->open == 0; }));
    EXPECT_TRUE(world.run_until(
        [this] { return std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->done; }); }));
    EXPECT_EQ(world.network().open_sockets(), 0u);
    server.reset();
  }
  EchoClient& connect(size_t size) {
    clients.push_back(std::make_unique<EchoClient>(*client_io, server->listener.address(), size));
    return *clients.back();
  }

  sim::World world;
  std::unique_ptr<io::Io> io, client_io;
  std::unique_ptr<EchoServer> server;
  std::vector<std::unique_ptr<EchoClient>> clients;
};

// Whatever the network does to sizes and times, every byte is sent once, in order, and both ends close.
TEST(Connection, EveryByteOnceAndInOrder) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::Faults faults;
    faults.network.busy = 0.3;
    NetWorld net(seed, 40, 100, faults);
    for (size_t i = 0; i < 5; ++i) net.connect(1000 * i + 1);
    ASSERT_TRUE(net.world.run_until(
        [&] { return std::all_of(net.clients.begin(), net.clients.end(), [](const auto& c) { return c->done; }); }));
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(net.clients[i]->received, 40 * (1000 * i + 1));
  }
}

// Resets at any moment end a connection and nothing else.
TEST(Connection, ResetsLeaveNothing) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::Faults faults;
    faults.network.reset = 0.05;
    NetWorld net(seed, 100, 100, faults);
    for (size_t i = 0; i < 10; ++i) net.connect(1000);
    ASSERT_TRUE(net.world.run_until(
        [&] { return std::all_of(net.clients.begin(), net.clients.end(), [](const auto& c) { return c->done; }); }));
    for (const auto& client : net.clients) EXPECT_TRUE(client->broken || client->received == 100'000);
  }
}

// A peer that does not read is waited for without anything in flight, and gets the rest when it goes on.
TEST(Connection, WaitsForAPeerThatDoesNotRead) {
  NetWorld net(7, 1000, 10);
  EchoClient& client = net.connect(1000);
  client.reading = false;
  net.world.advance_by(kSecond);
  net.world.run_until([] { return false; }, 5 * kSecond);
  EXPECT_EQ(client.received, 0u);
  EXPECT_TRUE(net.server->queue.empty());
  client.read_on();
  ASSERT_TRUE(net.world.run_until([&] { return client.done; }));
  EXPECT_EQ(client.received, 1'000'000u);
}

// ---- listeners ----

// Never more connections than allowed; who has to wait is served when another goes.
TEST(Listener, KeepsItsLimit) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NetWorld net(seed, 10, 3);
    for (size_t i = 0; i < 20; ++i) net.connect(2000);
    ASSERT_TRUE(net.world.run_until(
        [&] { return std::all_of(net.clients.begin(), net.clients.end(), [](const auto& c) { return c->done; }); }));
    for (const auto& client : net.clients) EXPECT_EQ(client->received, 20'000u);
    EXPECT_EQ(net.server->most, 3u);
    EXPECT_GT(net.server->rooms_asked, 0u);
  }
}

// At the limit an idle connection is let go when, and only when, somebody waits.
TEST(Listener, MakesRoomOnlyForSomebody) {
  NetWorld net(3, 1, 2);
  net.server->evict = true;
  EchoClient& first = net.connect(1 << 20);
  first.reading = false;  // never finishes by itself
  net.world.run_until([&] { return net.server->open == 1; });
  net.connect(1 << 20).reading = false;
  net.world.run_until([] { return false; }, 5 * kSecond);
  EXPECT_EQ(net.server->open, 2u);
  EXPECT_EQ(net.server->rooms_asked, 0u);
  EchoClient& third = net.connect(100);
  ASSERT_TRUE(net.world.run_until([&] { return third.done; }));
  EXPECT_EQ(third.received, 100u);
  first.read_on();
  net.clients[1]->read_on();
}

// Descriptors that run out delay connections and break none.
TEST(Listener, OutOfDescriptors) {
  sim::Faults faults;
  faults.network.accept_error = 0.7;
  NetWorld net(5, 10, 100, faults);
  for (size_t i = 0; i < 20; ++i) net.connect(100);
  ASSERT_TRUE(net.world.run_until(
      [&] { return std::all_of(net.clients.begin(), net.clients.end(), [](const auto& c) { return c->done; }); }));
  for (const auto& client : net.clients) EXPECT_EQ(client->received, 1000u);
}

}  // namespace
}  // namespace cwtch::net
