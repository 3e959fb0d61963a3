// What one operation costs on each back end: ping-pong through loopback sockets, timers, notification, bulk sends.
// Both ends of every connection are driven by the same Io on one thread, so that no scheduling is measured.
#include <benchmark/benchmark.h>

#include <memory>
#include <thread>
#include <vector>

#include "engine/io/io.hpp"

namespace cwtch::io {
namespace {

std::unique_ptr<Io> make(benchmark::State& state, IoOptions options = {}) {
  options.backend = state.range(0) == 0 ? Backend::uring : Backend::epoll;
  Result<std::unique_ptr<Io>> io = make_io(options);
  if (!io) {
    state.SkipWithError(io.error().context);
    return nullptr;
  }
  state.SetLabel((*io)->name());
  return std::move(*io);
}

template <class Op>
struct Pending {
  Op operation;
  bool done = false;
  void finished(Op&) { done = true; }
  Callback callback() { return then<&Pending::finished>(this); }
};

void close(Io& io, Socket socket) {
  Pending<Close> closing;
  io.close(closing.operation, socket, closing.callback());
  while (!closing.done) io.turn(true);
}

struct Pair {
  Socket client;
  Socket server;
};
Pair connect(Io& io, const ListenOptions& options = {}) {
  const Socket listener = *io.listen({"127.0.0.1:0"}, options);
  Pending<Accept> accept;
  Pending<Connect> connect;
  io.accept(accept.operation, listener, accept.callback());
  io.connect(connect.operation, *io.local_address(listener), connect.callback());
  while (!accept.done || !connect.done) io.turn(true);
  close(io, listener);
  return {*connect.operation.socket(), *accept.operation.socket()};
}

// Sends what it is given, waits for the same amount back.
class Player {
 public:
  Player(Io& io, Socket socket, Bytes message) : io_(io), socket_(socket), message_(std::move(message)) {
    recv_start();
  }
  void serve() {
    received_ = 0;
    io_.send(send_, socket_, message_, {}, then<&Player::send_done>(this));
  }
  uint64_t count() const { return count_; }
  void stop() { stopped_ = true; }
  bool idle() const { return !send_.in_flight() && !recv_.in_flight(); }

 private:
  void recv_start() { io_.recv(recv_, socket_, then<&Player::recv_done>(this)); }
  void recv_done(Recv& recv) {
    const Buffer buffer = std::move(recv.buffer);
    received_ += buffer.bytes().size();
    if (buffer.bytes().empty() || stopped_) return;
    if (received_ >= message_.size()) {
      ++count_;
      serve();
    }
    recv_start();
  }
  void send_done(Send& send) { CHECK(send.size().value_or(0) == message_.size() || stopped_); }

  Io& io_;
  const Socket socket_;
  const Bytes message_;
  Send send_;
  Recv recv_;
  size_t received_ = 0;
  uint64_t count_ = 0;
  bool stopped_ = false;
};

// Arguments: back end, connections, bytes. One item is one message: a send, and a recv at the other end.
void PingPong(benchmark::State& state) {
  const auto io = make(state);
  if (io == nullptr) return;
  std::vector<Pair> pairs;
  std::vector<std::unique_ptr<Player>> players;
  for (int64_t index = 0; index < state.range(1); ++index) {
    pairs.push_back(connect(*io));
    const Bytes message(static_cast<size_t>(state.range(2)));
    players.push_back(std::make_unique<Player>(*io, pairs.back().server, message));
    players.push_back(std::make_unique<Player>(*io, pairs.back().client, message));
    players.back()->serve();
  }
  const auto total = [&] {
    uint64_t sum = 0;
    for (const auto& player : players) sum += player->count();
    return sum;
  };
  const uint64_t before = total();
  for (auto _ : state) io->turn(true);
  state.SetItemsProcessed(static_cast<int64_t>(total() - before));
  state.counters["per_turn"] = static_cast<double>(total() - before) / static_cast<double>(state.iterations());
  for (const auto& player : players) player->stop();
  for (const Pair& pair : pairs) io->shutdown(pair.server);
  for (const auto& player : players) {
    while (!player->idle()) io->turn(true);
  }
  for (const Pair& pair : pairs) {
    close(*io, pair.client);
    close(*io, pair.server);
  }
}
BENCHMARK(PingPong)
    ->ArgsProduct({{0, 1}, {1, 64}, {64, 2800}})
    ->UseRealTime()
    ->ArgNames({"back_end", "connections", "bytes"});

// Starts and completes a timer that is due at once: the seam, the heap, the queue and a turn's system call; nothing
// else. Argument: how many per turn.
void TimerDueAtOnce(benchmark::State& state) {
  const auto io = make(state);
  if (io == nullptr) return;
  const auto count = static_cast<size_t>(state.range(1));
  std::vector<Pending<Timer>> timers(count);
  for (auto _ : state) {
    for (Pending<Timer>& timer : timers) io->timer(timer.operation, 0, timer.callback());
    io->turn(true);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * count));
}
BENCHMARK(TimerDueAtOnce)->ArgsProduct({{0, 1}, {1, 100}})->ArgNames({"back_end", "per_turn"});

// A poll that succeeds at once, `per_turn` of them: submission and completion through the kernel.
void PollReady(benchmark::State& state) {
  const auto io = make(state);
  if (io == nullptr) return;
  const Pair pair = connect(*io);
  std::vector<Pending<Poll>> polls(static_cast<size_t>(state.range(1)));
  for (auto _ : state) {
    for (Pending<Poll>& poll : polls) io->poll(poll.operation, pair.server, PollFor::writable, poll.callback());
    while (polls.back().operation.in_flight()) io->turn(true);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * state.range(1));
  while (std::any_of(polls.begin(), polls.end(), [](auto& poll) { return poll.operation.in_flight(); })) io->turn(true);
  close(*io, pair.client);
  close(*io, pair.server);
}
BENCHMARK(PollReady)->ArgsProduct({{0, 1}, {1, 32}})->ArgNames({"back_end", "per_turn"});

// A ball thrown between two threads, each with its Io: one item is one notification heard.
void Notify(benchmark::State& state) {
  struct Side {
    std::unique_ptr<Io> io;
    Side* other = nullptr;
    std::atomic<uint64_t> heard = 0;
    static void hear(void* self) {
      Side& side = *static_cast<Side*>(self);
      side.heard.fetch_add(1, std::memory_order_relaxed);
      side.other->io->notify(side.io.get());
    }
  } sides[2];
  for (Side& side : sides) {
    side.io = make(state);
    if (side.io == nullptr) return;
    side.io->on_notify(&Side::hear, &side);
  }
  sides[0].other = &sides[1];
  sides[1].other = &sides[0];
  std::atomic<bool> stop = false;
  std::thread thread([&] {
    while (!stop.load(std::memory_order_relaxed)) sides[1].io->turn(true);
  });
  sides[1].io->notify(sides[0].io.get());
  for (auto _ : state) {
    const uint64_t before = sides[0].heard.load(std::memory_order_relaxed);
    while (sides[0].heard.load(std::memory_order_relaxed) == before) sides[0].io->turn(true);
  }
  state.SetItemsProcessed(static_cast<int64_t>(2 * state.iterations()));
  stop = true;
  sides[1].io->notify(nullptr);
  thread.join();
}
BENCHMARK(Notify)->Arg(0)->Arg(1)->UseRealTime()->ArgName("back_end");

// `readers` connections each drained by the same thread, 256 KiB per send: bytes through send and recv of one loop.
void BulkSend(benchmark::State& state) {
  struct Reader {
    Io& io;
    Pair pair;
    const Bytes& bytes;
    Send send;
    Poll poll;
    Recv recv;
    uint64_t received = 0;
    bool stopped = false;
    void send_start() {
      if (!stopped) io.send(send, pair.server, bytes, {}, then<&Reader::send_done>(this));
    }
    void send_done(Send& sent) {
      if (sent.size().value_or(0) == bytes.size()) return send_start();
      if (!stopped) io.poll(poll, pair.server, PollFor::writable, then<&Reader::poll_done>(this));
    }
    void poll_done(Poll&) { send_start(); }
    void recv_start() { io.recv(recv, pair.client, then<&Reader::recv_done>(this)); }
    void recv_done(Recv& from) {
      received += from.buffer.bytes().size();
      const bool end = from.buffer.bytes().empty();
      from.buffer.reset();
      if (!end && !stopped) recv_start();
    }
    bool idle() const { return !send.in_flight() && !poll.in_flight() && !recv.in_flight(); }
  };
  const auto io = make(state, {.receive_buffers = 128, .receive_buffer_bytes = 65536});
  if (io == nullptr) return;
  const Bytes bytes(256 * 1024);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int64_t index = 0; index < state.range(1); ++index) {
    readers.push_back(std::make_unique<Reader>(*io, connect(*io), bytes));
    readers.back()->send_start();
    readers.back()->recv_start();
  }
  const auto total = [&] {
    uint64_t sum = 0;
    for (const auto& reader : readers) sum += reader->received;
    return sum;
  };
  const uint64_t before = total();
  for (auto _ : state) io->turn(true);
  state.SetBytesProcessed(static_cast<int64_t>(total() - before));
  for (const auto& reader : readers) {
    reader->stopped = true;
    io->shutdown(reader->pair.server);
    io->shutdown(reader->pair.client);
    while (!reader->idle()) io->turn(true);
    close(*io, reader->pair.client);
    close(*io, reader->pair.server);
  }
}
BENCHMARK(BulkSend)->ArgsProduct({{0, 1}, {16, 256}})->UseRealTime()->ArgNames({"back_end", "readers"});

}  // namespace
}  // namespace cwtch::io
