#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "tests/unit/io_test.hpp"

namespace cwtch::io::test {
namespace {

class IoSockets : public IoTest {};
INSTANTIATE_TEST_SUITE_P(Backends, IoSockets, backends(), backend_name);

TEST_P(IoSockets, NameTellsTheBackEnd) { EXPECT_STREQ(io->name(), GetParam() == Tested::epoll ? "epoll" : "uring"); }

TEST_P(IoSockets, BytesArriveInOrder) {
  const Pair pair = connect_pair();
  for (const std::string text : {"one", "two", "three"}) {
    EXPECT_EQ(send(pair.client, text).value(), text.size());
    EXPECT_EQ(recv(pair.server), text);
    EXPECT_EQ(send(pair.server, text).value(), text.size());
    EXPECT_EQ(recv(pair.client), text);
  }
  close(pair);
}

// The callback never runs inside the call that starts the operation, even where the kernel is done at once.
TEST_P(IoSockets, CallbacksWaitForTheTurn) {
  const Pair pair = connect_pair();
  Pending<Send> send;
  io->send(send.operation, pair.client, bytes_of("x"), {}, send.callback());
  EXPECT_FALSE(send.done());
  EXPECT_TRUE(send.operation.in_flight());
  wait(send);
  EXPECT_FALSE(send.operation.in_flight());

  Pending<Recv> first;
  io->recv(first.operation, pair.server, first.callback());
  EXPECT_FALSE(first.done());
  wait(first);
  first.operation.buffer.reset();
  close(pair);
}

// One end finishes sending; the other direction stays open until shutdown.
TEST_P(IoSockets, EndOfStreamIsZeroBytes) {
  const Pair pair = connect_pair();
  EXPECT_TRUE(send(pair.client, "last words"));
  io->finish_sending(pair.client);
  EXPECT_EQ(recv(pair.server), "last words");
  EXPECT_EQ(recv(pair.server), "");
  EXPECT_EQ(recv(pair.server), "");  // and again, for whoever asks again
  EXPECT_TRUE(send(pair.server, "answer"));
  EXPECT_EQ(recv(pair.client), "answer");
  close(pair);
}

// A connection that is idle when its peer vanishes is told.
TEST_P(IoSockets, IdleReceiverSeesThePeerGo) {
  const Pair pair = connect_pair();
  Pending<Recv> recv;
  io->recv(recv.operation, pair.server, recv.callback());
  settle();
  EXPECT_FALSE(recv.done());
  close(pair.client);
  wait(recv);
  EXPECT_EQ(recv.operation.size().value(), 0u);
  close(pair.server);
}

// Moves `size` bytes with partial sends, waiting for writable after each EAGAIN: the way every bulk sender works.
class BulkTransfer {
 public:
  BulkTransfer(Io& io, Socket from, Socket to, const Bytes& bytes, Io::SendFlags flags)
      : io_(io), from_(from), to_(to), bytes_(bytes), flags_(flags) {
    send_start();
    recv_start();
  }
  bool done() const { return received_.size() == bytes_.size() && sent_ == bytes_.size() && !recv_.in_flight(); }
  const Bytes& received() const { return received_; }
  int refused_count() const { return refused_count_; }
  int partial_count() const { return partial_count_; }

 private:
  void send_start() {
    const ByteView rest = ByteView(bytes_).subspan(sent_);
    io_.send(send_, from_, rest.first(std::min<size_t>(rest.size(), 256 * 1024)), flags_,
             then<&BulkTransfer::send_done>(this));
  }
  void send_done(Send& send) {
    const Result<size_t> size = send.size();
    if (!size) {
      EXPECT_EQ(size.error().code, Errc::busy) << size.error().message();
      ++refused_count_;
      return io_.poll(poll_, from_, PollFor::writable, then<&BulkTransfer::poll_done>(this));
    }
    if (*size < 256 * 1024) ++partial_count_;
    sent_ += *size;
    if (sent_ < bytes_.size()) send_start();
  }
  void poll_done(Poll& poll) {
    EXPECT_TRUE(poll.status());
    send_start();
  }
  void recv_start() { io_.recv(recv_, to_, then<&BulkTransfer::recv_done>(this)); }
  void recv_done(Recv& recv) {
    const Buffer buffer = std::move(recv.buffer);
    ASSERT_TRUE(recv.size());
    received_.insert(received_.end(), buffer.bytes().begin(), buffer.bytes().end());
    if (received_.size() < bytes_.size()) recv_start();
  }

  Io& io_;
  const Socket from_;
  const Socket to_;
  const Bytes& bytes_;
  const Io::SendFlags flags_;
  Send send_;
  Poll poll_;
  Recv recv_;
  size_t sent_ = 0;
  Bytes received_;
  int refused_count_ = 0;
  int partial_count_ = 0;
};

Bytes random_bytes(size_t size) {
  std::mt19937_64 random(1);
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST_P(IoSockets, BulkTransferSurvivesFullSockets) {
  const Pair pair = connect_pair({.send_buffer_bytes = 64 * 1024});
  const Bytes bytes = random_bytes(8u << 20);
  BulkTransfer transfer(*io, pair.server, pair.client, bytes, {});
  while (!transfer.done()) io->turn(true);
  EXPECT_EQ(transfer.received(), bytes);
  EXPECT_GT(transfer.refused_count(), 0);  // otherwise this test has shown nothing
  EXPECT_GT(transfer.partial_count(), 0);
  close(pair);
}

// The bytes of a zero-copy send are ours again in the callback: they may be overwritten at once. A back end or kernel
// without it sends a copy.
TEST_P(IoSockets, ZeroCopySendOwnsItsBytesUntilTheCallback) {
  const Pair pair = connect_pair({.send_buffer_bytes = 64 * 1024});
  const Bytes bytes = random_bytes(1u << 20);
  BulkTransfer transfer(*io, pair.server, pair.client, bytes, {.zero_copy = true});
  while (!transfer.done()) io->turn(true);
  EXPECT_EQ(transfer.received(), bytes);

  Bytes message(64, 'a');
  Pending<Send> sending;
  io->send(sending.operation, pair.client, message, {.zero_copy = true}, sending.callback());
  wait(sending);
  std::fill(message.begin(), message.end(), 'b');
  EXPECT_EQ(recv(pair.server), std::string(64, 'a'));
  close(pair);
}

// A peer that stops reading never acknowledges: shutting the connection down must bring the bytes back all the same.
TEST_P(IoSockets, ShutdownEndsAZeroCopySendToAPeerThatDoesNotRead) {
  const Pair pair = connect_pair({.send_buffer_bytes = 256 * 1024});
  const Bytes bytes(256 * 1024);
  Pending<Send> send;
  do {
    send.done_count = 0;
    io->send(send.operation, pair.server, bytes, {.zero_copy = true}, send.callback());
    settle();
  } while (send.done() && send.operation.size());
  io->shutdown(pair.server);
  wait(send);
  close(pair);
}

TEST_P(IoSockets, SendToAClosedPeerFails) {
  const Pair pair = connect_pair();
  close(pair.client);
  // The first one may still be accepted by the kernel; the answer to it is a reset.
  Result<size_t> sent = send(pair.server, "x");
  for (int attempt = 0; attempt < 1000 && sent; ++attempt) sent = send(pair.server, "x");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::closed);  // and no SIGPIPE
  close(pair.server);
}

TEST_P(IoSockets, ShutdownWakesWhatWaits) {
  const Pair pair = connect_pair({.send_buffer_bytes = 16 * 1024});
  const Bytes bytes(1u << 20);
  for (;;) {  // fill the socket, so that the poll has to wait
    const Result<size_t> sent = send(pair.server, bytes);
    if (!sent) break;
  }
  Pending<Recv> recv;
  Pending<Poll> poll;
  io->recv(recv.operation, pair.server, recv.callback());
  io->poll(poll.operation, pair.server, PollFor::writable, poll.callback());
  settle();
  EXPECT_FALSE(recv.done());
  EXPECT_FALSE(poll.done());
  io->shutdown(pair.server);
  wait(recv, poll);
  EXPECT_TRUE(!recv.operation.size() || *recv.operation.size() == 0);
  close(pair);
}

TEST_P(IoSockets, PollTellsReadableAndWritable) {
  const Pair pair = connect_pair();
  Pending<Poll> writable;
  Pending<Poll> readable;
  io->poll(readable.operation, pair.server, PollFor::readable, readable.callback());
  io->poll(writable.operation, pair.server, PollFor::writable, writable.callback());
  wait(writable);
  EXPECT_TRUE(writable.operation.status());
  settle();
  EXPECT_FALSE(readable.done());
  EXPECT_TRUE(send(pair.client, "now"));
  wait(readable);
  EXPECT_TRUE(readable.operation.status());
  EXPECT_EQ(recv(pair.server), "now");
  close(pair);
}

TEST_P(IoSockets, CancelBringsOperationsBack) {
  const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {});
  const Pair pair = connect(*listener);
  Pending<Accept> accept;
  Pending<Recv> recv;
  Pending<Poll> poll;
  io->accept(accept.operation, *listener, accept.callback());
  io->recv(recv.operation, pair.server, recv.callback());
  io->poll(poll.operation, pair.server, PollFor::readable, poll.callback());
  io->cancel(poll.operation);  // before the kernel has seen it
  settle();
  io->cancel(accept.operation);  // and after
  io->cancel(recv.operation);
  io->cancel(recv.operation);  // twice is once
  wait(accept, recv, poll);
  EXPECT_EQ(accept.operation.socket().error().code, Errc::cancelled);
  EXPECT_EQ(recv.operation.size().error().code, Errc::cancelled);
  EXPECT_EQ(poll.operation.status().error().code, Errc::cancelled);
  EXPECT_EQ(recv.done_count, 1);

  // The socket is none the worse for it.
  EXPECT_TRUE(send(pair.client, "still here"));
  EXPECT_EQ(test::IoTest::recv(pair.server), "still here");
  close(pair);
  close(*listener);
}

TEST_P(IoSockets, CancelAfterCompletionChangesNothing) {
  const Pair pair = connect_pair();
  EXPECT_TRUE(send(pair.client, "bytes"));
  Pending<Recv> recv;
  io->recv(recv.operation, pair.server, recv.callback());
  wait(recv);
  io->cancel(recv.operation);  // not in flight any more
  EXPECT_EQ(recv.operation.size().value(), 5u);
  recv.operation.buffer.reset();
  settle();
  EXPECT_EQ(recv.done_count, 1);
  close(pair);
}

// Back-pressure: when all buffers are held, recv waits, in the order in which they were refused, and nothing is lost.
TEST_P(IoSockets, ReceiversWaitForAFreeBuffer) {
  make({.receive_buffers = 2, .receive_buffer_bytes = 4096});
  const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {});
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<Pending<Recv>>> receivers;
  for (int index = 0; index < 5; ++index) {
    pairs.push_back(connect(*listener));
    receivers.push_back(std::make_unique<Pending<Recv>>());
    io->recv(receivers.back()->operation, pairs.back().server, receivers.back()->callback());
  }
  for (size_t index = 0; index < pairs.size(); ++index) {
    EXPECT_TRUE(send(pairs[index].client, "message " + std::to_string(index)));
    settle();
  }
  const auto done_count = [&] {
    return std::count_if(receivers.begin(), receivers.end(), [](const auto& receiver) { return receiver->done(); });
  };
  EXPECT_EQ(done_count(), 2);  // each holds its buffer

  for (size_t index = 0; index < pairs.size(); ++index) {
    wait(*receivers[index]);
    EXPECT_EQ(text_of(receivers[index]->operation.buffer.bytes()), "message " + std::to_string(index));
    receivers[index]->operation.buffer.reset();
  }
  for (const Pair& pair : pairs) close(pair);
  close(*listener);
}

TEST_P(IoSockets, StarvedReceiversCanBeShutDownAndCancelled) {
  make({.receive_buffers = 1, .receive_buffer_bytes = 4096});
  const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {});
  Pair pairs[3];
  Pending<Recv> receivers[3];
  for (int index = 0; index < 3; ++index) {
    pairs[index] = connect(*listener);
    io->recv(receivers[index].operation, pairs[index].server, receivers[index].callback());
    EXPECT_TRUE(send(pairs[index].client, "x"));
    settle();
  }
  EXPECT_TRUE(receivers[0].done());
  EXPECT_FALSE(receivers[1].done());
  EXPECT_FALSE(receivers[2].done());
  io->shutdown(pairs[1].server);
  io->cancel(receivers[2].operation);
  wait(receivers[1], receivers[2]);
  EXPECT_TRUE(!receivers[1].operation.size() || *receivers[1].operation.size() == 0);
  EXPECT_EQ(receivers[2].operation.size().error().code, Errc::cancelled);
  receivers[0].operation.buffer.reset();
  EXPECT_EQ(recv(pairs[2].server), "x");
  for (const Pair& pair : pairs) close(pair);
  close(*listener);
}

// An operation may start again from its own callback, for ever, without the stack or anybody else noticing.
TEST_P(IoSockets, RestartingFromTheCallbackDoesNotRecurse) {
  const Pair pair = connect_pair();
  struct Sender {
    Io& io;
    Socket socket;
    Send send;
    int left = 1000;
    int depth = 0;
    void start() { io.send(send, socket, bytes_of("."), {}, then<&Sender::done>(this)); }
    void done(Send& sent) {
      EXPECT_EQ(depth++, 0);
      EXPECT_TRUE(sent.size());
      if (--left > 0) start();
      --depth;
    }
  } sender{*io, pair.client, {}};
  sender.start();
  size_t received = 0;
  while (received < 1000) received += recv(pair.server).size();
  EXPECT_EQ(sender.left, 0);
  close(pair);
}

// More operations in flight than the queue has entries.
TEST_P(IoSockets, MoreOperationsThanEntries) {
  make({.entries = 4});
  const Pair pair = connect_pair();
  std::vector<std::unique_ptr<Pending<Poll>>> polls;
  for (int index = 0; index < 100; ++index) {
    polls.push_back(std::make_unique<Pending<Poll>>());
    io->poll(polls.back()->operation, pair.server, PollFor::readable, polls.back()->callback());
  }
  EXPECT_TRUE(send(pair.client, "for all of them"));
  for (auto& poll : polls) wait(*poll);
  close(pair);
}

TEST_P(IoSockets, UnixSockets) {
  char directory[] = "/tmp/cwtch-io-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/admin.sock";
  const Address address{"unix:" + path};
  for (int round = 0; round < 2; ++round) {  // the second finds the abandoned socket of the first
    const Result<Socket> listener = io->listen(address, {});
    ASSERT_TRUE(listener) << listener.error().message();
    struct stat status;
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_EQ(io->local_address(*listener)->text, address.text);

    const Pair pair = connect(*listener);
    EXPECT_TRUE(io->peer_is_loopback(pair.server));
    EXPECT_FALSE(io->listen(address, {}));  // in use
    EXPECT_TRUE(send(pair.client, bytes_of("over a UNIX socket"), {.zero_copy = true}));
    EXPECT_EQ(recv(pair.server), "over a UNIX socket");
    Pending<Recv> recv;
    io->recv(recv.operation, pair.server, recv.callback());
    settle();
    io->shutdown(pair.server);
    wait(recv);
    close(pair);
    close(*listener);
  }
  std::filesystem::remove_all(directory);
}

// A connection on which everything happens in any order. Each end sends a running sequence and checks what it gets.
class ChurningEnd {
 public:
  ChurningEnd(Io& io, Socket socket) : io_(io), socket_(socket) {}

  void act(uint64_t random) {
    switch (random % 8) {
      case 0:
      case 1:
      case 2:
        if (!recv_.in_flight()) io_.recv(recv_, socket_, then<&ChurningEnd::recv_done>(this));
        break;
      case 3:
      case 4:
        if (!send_.in_flight()) send_start(1 + random / 8 % sizeof bytes_);
        break;
      case 5:
        if (!poll_.in_flight()) {
          const PollFor what = random / 8 % 2 == 0 ? PollFor::readable : PollFor::writable;
          io_.poll(poll_, socket_, what, then<&ChurningEnd::poll_done>(this));
        }
        break;
      case 6:
        io_.cancel(random / 8 % 2 == 0 ? static_cast<Operation&>(recv_) : poll_);
        break;
      case 7:
        held_.reset();
        break;
    }
  }
  void shutdown() {
    ended_ = true;
    held_.reset();
    io_.shutdown(socket_);
  }
  bool idle() const { return !recv_.in_flight() && !send_.in_flight() && !poll_.in_flight(); }
  Socket socket() const { return socket_; }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }

 private:
  static uint8_t byte_at(uint64_t position) { return static_cast<uint8_t>(position * 31 + position / 251); }
  void send_start(size_t size) {
    for (size_t index = 0; index < size; ++index) bytes_[index] = byte_at(sent_ + index);
    io_.send(send_, socket_, {bytes_, size}, {.zero_copy = size % 2 == 0}, then<&ChurningEnd::send_done>(this));
  }
  void send_done(Send& send) { sent_ += send.size().value_or(0); }
  void poll_done(Poll&) {}
  void recv_done(Recv& recv) {
    const Result<size_t> size = recv.size();
    Buffer buffer = std::move(recv.buffer);
    ASSERT_EQ(buffer.bytes().size(), size.value_or(0));
    for (const uint8_t byte : buffer.bytes()) ASSERT_EQ(byte, byte_at(received_++));
    if (!ended_) held_ = std::move(buffer);
  }

  Io& io_;
  const Socket socket_;
  Recv recv_;
  Send send_;
  Poll poll_;
  Buffer held_;  // for a while: so that buffers run out
  uint8_t bytes_[16384];
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  bool ended_ = false;
};

// Whatever is started, cancelled, starved and shut down in whatever order: every operation comes back once, and no byte
// is lost, doubled or changed.
TEST_P(IoSockets, RandomChurn) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    make({.entries = 8, .receive_buffers = 4, .receive_buffer_bytes = 4096});
    const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {.send_buffer_bytes = 32 * 1024});
    std::vector<std::unique_ptr<ChurningEnd>> ends;
    for (int index = 0; index < 8; ++index) {
      const Pair pair = connect(*listener);
      ends.push_back(std::make_unique<ChurningEnd>(*io, pair.client));
      ends.push_back(std::make_unique<ChurningEnd>(*io, pair.server));
    }
    for (int step = 0; step < 2000; ++step) {
      ends[random() % ends.size()]->act(random());
      if (random() % 3 == 0) io->turn(false);
    }
    for (auto& end : ends) end->shutdown();
    for (auto& end : ends) {
      while (!end->idle()) io->turn(true);
    }
    uint64_t received = 0;
    for (size_t index = 0; index < ends.size(); ++index) {
      EXPECT_LE(ends[index]->received(), ends[index ^ 1]->sent());
      received += ends[index]->received();
      close(ends[index]->socket());
    }
    EXPECT_GT(received, 0u);
    ends.clear();
    close(*listener);
  }
}

// Signals whose handlers do not restart system calls: nobody above notices.
TEST_P(IoSockets, SignalsInterruptNothing) {
  static volatile sig_atomic_t signals_count;
  signals_count = 0;
  struct sigaction action {};
  struct sigaction before;
  action.sa_handler = [](int) { signals_count = signals_count + 1; };
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{.it_interval = {0, 500}, .it_value = {0, 500}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);

  const Pair pair = connect_pair({.send_buffer_bytes = 64 * 1024});
  const Bytes bytes = random_bytes(4u << 20);
  while (signals_count < 20) {
    BulkTransfer transfer(*io, pair.server, pair.client, bytes, {});
    while (!transfer.done()) io->turn(true);
    ASSERT_EQ(transfer.received(), bytes);
    Pending<Work> work;
    Pending<Timer> timer;
    io->work(
        work.operation, [](void*) {}, nullptr, work.callback());
    io->timer(timer.operation, 2 * kMillisecond, timer.callback());
    wait(work, timer);
    EXPECT_TRUE(timer.operation.expired());
  }
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
  close(pair);
}

TEST_P(IoSockets, ConnectIsRefused) {
  const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {});
  const Address address = *io->local_address(*listener);
  close(*listener);
  Pending<Connect> refused;
  io->connect(refused.operation, address, refused.callback());
  EXPECT_FALSE(refused.done());
  wait(refused);
  ASSERT_FALSE(refused.operation.socket());
  EXPECT_EQ(refused.operation.socket().error().sys, ECONNREFUSED);

  Pending<Connect> nonsense;
  io->connect(nonsense.operation, {"example.org:80"}, nonsense.callback());
  wait(nonsense);
  EXPECT_FALSE(nonsense.operation.socket());
}

TEST_P(IoSockets, Addresses) {
  const Result<Socket> v4 = io->listen({"127.0.0.1:0"}, {});
  ASSERT_TRUE(v4);
  EXPECT_THAT(io->local_address(*v4)->text, testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  const Pair pair = connect(*v4);
  EXPECT_TRUE(io->peer_is_loopback(pair.server));
  close(pair);
  close(*v4);
  const Result<Socket> v6 = io->listen({"[::1]:0"}, {});
  if (v6) {  // not every container has it
    EXPECT_THAT(io->local_address(*v6)->text, testing::MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
    close(*v6);
  }

  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/run/x"}) {
    EXPECT_TRUE(Address{text}.loopback()) << text;
  }
  for (const char* text : {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "128.0.0.1:1", "localhost:1", "", "127.0.0.1"}) {
    EXPECT_FALSE(Address{text}.loopback()) << text;
  }
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 1",
                           "::1:1", "[::1]", "[::1:1", "localhost:1", "unix:", "1.2.3.4:0x50"}) {
    const Result<Socket> refused = io->listen({text}, {});
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Errc::malformed) << text;
  }
}

// Accepting without descriptors is busy, not the end: when one is free, accepting goes on.
TEST_P(IoSockets, AcceptWithoutDescriptorsIsBusy) {
  const Result<Socket> listener = io->listen({"127.0.0.1:0"}, {});
  const Address address = *io->local_address(*listener);
  Pending<Connect> first;
  io->connect(first.operation, address, first.callback());
  wait(first);

  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  Pending<Accept> refused;
  io->accept(refused.operation, *listener, refused.callback());
  wait(refused);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused.operation.socket());
  EXPECT_EQ(refused.operation.socket().error().code, Errc::busy);

  Pending<Accept> accept;
  io->accept(accept.operation, *listener, accept.callback());
  wait(accept);
  ASSERT_TRUE(accept.operation.socket());
  close(*accept.operation.socket());
  close(*first.operation.socket());
  close(*listener);
}

using IoDeathTest = IoSockets;
INSTANTIATE_TEST_SUITE_P(Backends, IoDeathTest, backends(), backend_name);

// The kernel could still write into what is being destroyed: that is a bug of ours, and stops the process.
TEST_P(IoDeathTest, OperationsInFlightMustNotBeDestroyed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const Pair pair = connect_pair();
        Pending<Recv> recv;
        io->recv(recv.operation, pair.server, recv.callback());
      },
      "in_flight_");
  EXPECT_DEATH(
      {
        Pending<Timer> timer;
        io->timer(timer.operation, kSecond, timer.callback());
        io.reset();
      },
      "in_flight_count_ == 0");
}

}  // namespace
}  // namespace cwtch::io::test
