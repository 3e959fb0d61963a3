// Workload: N connections, each posts a record of fixed size and waits until the server says that it is durable.

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/latency.hpp"
#include "tools/loadgen/nats.hpp"
#include "tools/loadgen/net.hpp"
#include "tools/loadgen/records.hpp"
#include "tools/loadgen/reply.hpp"
#include "tools/loadgen/report.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

struct Load {
  Loop loop;
  RecordMaker maker;
  Bytes scratch = Bytes(64 << 10);
  Latency latency;
  uint64_t acknowledged = 0;
  bool posting = true;
};

class Poster final : public Handler {
 public:
  Poster(Load& load, const Target& target, bool use_nats, unsigned index) : load_(load), nats_(use_nats) {
    socket_ = Socket::connect(target, true);
    const size_t size = load.maker.record_bytes();
    std::string head;
    if (nats_) {
      const std::string inbox = fmt::format("_INBOX.{}", index);
      nats::greet(socket_, inbox);
      head = nats::publish_head(inbox, size);
    } else {
      head = post_head(target.host, size);
    }
    record_at_ = head.size();
    message_.assign(head.begin(), head.end());
    message_.resize(head.size() + size);
    if (nats_) message_.insert(message_.end(), {'\r', '\n'});
    load.loop.add(socket_, *this, EPOLLIN);
  }

  void post() {
    load_.maker.next(MutableBytes(message_).subspan(record_at_, load_.maker.record_bytes()));
    reply_.reset();
    started_ns_ = monotonic_ns();
    socket_.send_all(message_);  // fits the socket's empty buffer, so it does not block
    waiting_ = true;
  }
  bool waiting() const { return waiting_; }

  void ready(uint32_t) override {
    const ssize_t got = socket_.receive(load_.scratch);
    if (got <= 0) throw std::runtime_error("post: the server closed a connection");
    const ByteView bytes = ByteView(load_.scratch).first(static_cast<size_t>(got));
    if (!acknowledged(bytes)) return;
    waiting_ = false;
    load_.latency.add(monotonic_ns() - started_ns_);
    ++load_.acknowledged;
    if (load_.posting) post();
  }

 private:
  bool acknowledged(ByteView bytes) {
    if (nats_) {
      const bool done = ack_.feed(bytes);
      for (unsigned pings = ack_.take_pings(); pings > 0; --pings) socket_.send_all(bytes_of("PONG\r\n"));
      return done;
    }
    std::string* const refusal = &refusal_;
    reply_.feed(bytes, [refusal](ByteView part) { refusal->assign(text_of(part)); });
    if (!reply_.complete()) return false;
    if (reply_.status() != 201) throw std::runtime_error(fmt::format("post: status {}: {}", reply_.status(), refusal_));
    return true;
  }

  Load& load_;
  const bool nats_;
  Socket socket_;
  Bytes message_;
  size_t record_at_ = 0;
  ReplyReader reply_;
  nats::AckReader ack_;
  std::string refusal_;
  uint64_t started_ns_ = 0;
  bool waiting_ = false;
};

}  // namespace

Figures post(const Common& common, const PostOptions& options) {
  const Target target(common.target);
  if (options.nats) nats::make_stream(target);
  Load load{.maker = RecordMaker(options.seed != 0 ? options.seed : monotonic_ns(), options.record_bytes)};
  std::vector<std::unique_ptr<Poster>> posters;
  for (unsigned i = 0; i < options.connections; ++i) {
    posters.push_back(std::make_unique<Poster>(load, target, options.nats, i));
  }
  for (auto& poster : posters) poster->post();

  load.loop.run_until(monotonic_ns() + static_cast<uint64_t>(common.warmup_seconds * 1e9));
  load.latency = {};
  load.acknowledged = 0;
  const uint64_t server_cpu = cpu_ns(common.pids);
  const uint64_t own_cpu = own_cpu_ns();
  const uint64_t start = monotonic_ns();
  const auto length_ns = static_cast<uint64_t>(common.seconds * 1e9);
  for (int tenth = 1; tenth <= 10; ++tenth) {
    load.loop.run_until(start + length_ns * static_cast<uint64_t>(tenth) / 10);
    show_progress("posting", tenth / 10.0);
  }
  const double seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
  const auto count = static_cast<double>(load.acknowledged > 0 ? load.acknowledged : 1);

  Figures figures;
  figures["connections"] = options.connections;
  figures["record_bytes"] = options.record_bytes;
  figures["seconds"] = seconds;
  figures["posts"] = load.acknowledged;
  figures["posts_per_s"] = static_cast<double>(load.acknowledged) / seconds;
  figures["server_cpu_us_per_post"] = static_cast<double>(cpu_ns(common.pids) - server_cpu) / 1e3 / count;
  figures["client_cpu_us_per_post"] = static_cast<double>(own_cpu_ns() - own_cpu) / 1e3 / count;
  add_latency(figures, "latency", load.latency);

  // Nothing is left half sent: a server may count an aborted request as an error.
  load.posting = false;
  const uint64_t drain_end = monotonic_ns() + 10'000'000'000;
  while (monotonic_ns() < drain_end) {
    bool waiting = false;
    for (auto& poster : posters) waiting = waiting || poster->waiting();
    if (!waiting) break;
    load.loop.run_until(monotonic_ns() + 2'000'000);
  }
  return figures;
}

}  // namespace cwtch::loadgen
