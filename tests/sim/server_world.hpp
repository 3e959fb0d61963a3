// A whole server in the simulator: a log, some shards, and clients of the native API, all on one thread and drawn from
// one seed. What the product does with threads the World does by letting the shards' loops take turns.
#pragma once

#include <gtest/gtest.h>

#include <charconv>
#include <deque>
#include <functional>

#include "engine/server/shard.hpp"
#include "engine/sim/network.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::test {

// Sends one request after the other on one connection and keeps each answer.
class SimClient {
 public:
  struct Answer {
    int status = 0;
    std::string head;
    Bytes body;
  };

  SimClient(io::Io& io, const io::Address& server) : io_(io) {
    io_.connect(connect_, server, io::then<&SimClient::connected>(this));
  }

  // `then` runs when the answer is there; from there ask() may be called again.
  void ask(std::string request, std::function<void(const Answer&)> then) {
    asked_.push_back({bytes(request), std::move(then)});
    send_start();
  }
  void get(const std::string& target, std::function<void(const Answer&)> then) {
    ask("GET " + target + " HTTP/1.1\r\nHost: sim\r\n\r\n", std::move(then));
  }
  void post(ByteView record, std::function<void(const Answer&)> then) {
    ask("POST /v1/records HTTP/1.1\r\nHost: sim\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
            std::to_string(record.size()) + "\r\n\r\n" + std::string(text_of(record)),
        std::move(then));
  }
  // Hands over what arrives as it is, instead of looking for answers.
  void ask_raw(const std::string& request, std::function<void(ByteView)> sink) {
    sink_ = std::move(sink);
    ask(request, [](const Answer&) {});
  }
  bool idle() const { return asked_.empty(); }
  bool closed() const { return state_ == State::closed; }
  // The connection has ended, by whichever side; what was asked and not answered will not be.
  bool over() const { return over_ || state_ == State::closed; }

 private:
  enum class State : uint8_t { connecting, open, closed };
  struct Asked {
    Bytes request;
    std::function<void(const Answer&)> then;
  };

  static Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

  void connected(io::Connect& connect) {
    if (!connect.socket()) {
      state_ = State::closed;
      return;
    }
    socket_ = *connect.socket();
    state_ = State::open;
    recv_start();
    send_start();
  }
  void send_start() {
    if (state_ != State::open || send_.in_flight() || poll_.in_flight() || asked_.empty()) return;
    const ByteView rest = ByteView(asked_.front().request).subspan(sent_);
    if (!rest.empty()) io_.send(send_, socket_, rest, {}, io::then<&SimClient::send_done>(this));
  }
  void send_done(io::Send& send) {
    const Result<size_t> size = send.size();
    if (size) sent_ += *size;
    if (!size && size.error().code == Errc::busy) {
      return io_.poll(poll_, socket_, io::PollFor::writable, io::then<&SimClient::poll_done>(this));
    }
    if (!size || over_) return close_when_idle();
    send_start();
  }
  void poll_done(io::Poll&) {
    if (over_) return close_when_idle();
    send_start();
  }
  void recv_start() { io_.recv(recv_, socket_, io::then<&SimClient::recv_done>(this)); }
  void recv_done(io::Recv& recv) {
    const io::Buffer buffer = std::move(recv.buffer);
    const Result<size_t> size = recv.size();
    if (!size || *size == 0) {
      over_ = true;
      return close_when_idle();
    }
    if (sink_) {
      sink_(buffer.bytes());
      return recv_start();
    }
    received_.insert(received_.end(), buffer.bytes().begin(), buffer.bytes().end());
    while (take_answer()) {
    }
    recv_start();
  }
  bool take_answer() {
    const std::string_view text = text_of(received_);
    const size_t end = text.find("\r\n\r\n");
    if (end == text.npos) return false;
    const std::string_view head = text.substr(0, end);
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t at = head.find(kLength);
    size_t length = 0;
    if (at != head.npos) std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), length);
    if (received_.size() < end + 4 + length) return false;
    Answer answer;
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    answer.head = head;
    answer.body.assign(received_.begin() + static_cast<ptrdiff_t>(end) + 4,
                       received_.begin() + static_cast<ptrdiff_t>(end + 4 + length));
    received_.erase(received_.begin(), received_.begin() + static_cast<ptrdiff_t>(end + 4 + length));
    CHECK(!asked_.empty());
    const auto then = std::move(asked_.front().then);
    asked_.pop_front();
    sent_ = 0;
    then(answer);
    send_start();
    return !received_.empty();
  }
  void close_when_idle() {
    if (!over_) return;  // the receive tells when nothing more comes
    if (send_.in_flight() || poll_.in_flight() || close_.in_flight()) return;
    io_.close(close_, socket_, io::then<&SimClient::close_done>(this));
  }
  void close_done(io::Close&) { state_ = State::closed; }

  io::Io& io_;
  io::Connect connect_;
  io::Send send_;
  io::Poll poll_;
  io::Recv recv_;
  io::Close close_;
  io::Socket socket_;
  State state_ = State::connecting;
  bool over_ = false;
  std::deque<Asked> asked_;
  std::function<void(ByteView)> sink_;
  size_t sent_ = 0;
  Bytes received_;
};

class ServerWorld {
 public:
  ServerWorld(uint64_t seed, const server::Config& config, const sim::Faults& faults = {})
      : config_(config), world_(seed, faults) {
    CHECK(world_.files().make_directory("log"));
    log::Options options;
    options.chunk_bytes = static_cast<uint32_t>(config.chunk_bytes);
    options.row_bytes = static_cast<uint32_t>(config.row_bytes);
    options.journal_files = static_cast<uint32_t>(config.journal_files);
    options.journal_file_bytes = config.journal_file_bytes;
    options.group_bytes_max = static_cast<uint32_t>(config.group_bytes_max);
    options.seal_records = static_cast<uint32_t>(config.seal_records);
    CHECK(log::Log::create(world_.files(), world_.random(), "log", options));
    std::string damage;
    log_ = *log::Log::open(world_.files(), world_.clock(), world_.random(), "log", options, &damage);
    context_.log = log_->shared();
    io::Address address{"127.0.0.1:0"};
    for (uint32_t i = 0; i < config.shards; ++i) {
      const bool writer = i == config.writer_shard;
      std::unique_ptr<io::Io> io = world_.make_io();
      io::Io& loop = *io;
      context_.shards.push_back(
          std::make_unique<server::Shard>(context_, i, std::move(io), writer ? log_.get() : nullptr));
      server::Shard& shard = *context_.shards.back();
      if (writer) context_.writer = &shard;
      CHECK(shard.listen({address}));
      address = shard.address(0);
      world_.add_loop(loop, [&shard] {
        if (!shard.finished()) shard.turn(false);
      });
    }
    context_.posting_shards = static_cast<uint32_t>(config.shards);
    for (const auto& shard : context_.shards) shard->turn(false);
    client_io_ = world_.make_io();
    world_.add_loop(*client_io_, [this] { client_io_->turn(false); });
    address_ = address;
  }
  ~ServerWorld() {
    stop();
    context_.shards.clear();
    log_.reset();
    clients_.clear();
    client_io_.reset();
  }

  SimClient& connect() {
    clients_.push_back(std::make_unique<SimClient>(*client_io_, address_));
    return *clients_.back();
  }
  bool run_until(const std::function<bool()>& done) { return world_.run_until(done); }

  // Lets the server drain.
  void stop() {
    if (context_.stopping.exchange(true)) return;
    for (const auto& shard : context_.shards) shard->wake(nullptr);
    EXPECT_TRUE(run_until([this] {
      return std::all_of(context_.shards.begin(), context_.shards.end(), [](const auto& s) { return s->finished(); });
    }));
    EXPECT_TRUE(run_until(
        [this] { return std::all_of(clients_.begin(), clients_.end(), [](const auto& c) { return c->closed(); }); }));
  }

  size_t open_connections() const {
    uint64_t sum = 0;
    for (const auto& shard : context_.shards) sum += shard->counters().connections;
    return sum;
  }
  const log::Shared& log() const { return *context_.log; }
  sim::World& world() { return world_; }

 private:
  const server::Config config_;
  sim::World world_;
  board::OpenAdmission admission_;
  std::unique_ptr<log::Log> log_;
  server::ShardContext context_{.config = config_,
                                .files = world_.files(),
                                .log = nullptr,
                                .admission = admission_,
                                .query_admission = admission_,
                                .server_document = {},
                                .shards = {},
                                .writer = nullptr,
                                .stopping = false,
                                .posting_shards = 0};
  std::unique_ptr<io::Io> client_io_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  io::Address address_;
};

}  // namespace cwtch::test
