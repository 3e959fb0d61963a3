// Workload: N followers of the log's end; one connection posts records, paced; how long until each follower has each.

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>

#include "engine/core/codec.hpp"
#include "engine/log/format.hpp"
#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/latency.hpp"
#include "tools/loadgen/net.hpp"
#include "tools/loadgen/records.hpp"
#include "tools/loadgen/reply.hpp"
#include "tools/loadgen/report.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

// Counts record frames in a stream of frames that comes in pieces of any size.
class FrameCounter {
 public:
  template <class Record>
  void feed(ByteView bytes, Record&& record) {
    while (!bytes.empty()) {
      if (skip_ > 0) {
        const auto part = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
        skip_ -= part;
        bytes = bytes.subspan(part);
        if (skip_ == 0 && is_record_) record(position_);
        continue;
      }
      const size_t part = std::min(sizeof header_ - header_bytes_, bytes.size());
      std::memcpy(header_ + header_bytes_, bytes.data(), part);
      header_bytes_ += part;
      bytes = bytes.subspan(part);
      if (header_bytes_ < sizeof header_) return;
      header_bytes_ = 0;
      const auto size_kind = load_le<uint32_t>(header_);
      is_record_ = size_kind >> 24 == static_cast<uint32_t>(log::FrameKind::record);
      position_ = load_le<uint64_t>(header_ + 8);
      skip_ = log::frame_bytes(size_kind & 0xffffff) - sizeof header_;
    }
  }

 private:
  uint8_t header_[sizeof(log::FrameHeader)];
  size_t header_bytes_ = 0;
  bool is_record_ = false;
  uint64_t position_ = 0;
  uint64_t skip_ = 0;
};

struct Load {
  Loop loop;
  uint64_t first_position = 0;
  uint32_t records = 0;
  uint64_t arrivals_missing = 0;
  Bytes scratch = Bytes(64 << 10);
};

class Follower final : public Handler {
 public:
  Follower(Load& load, const Target& target) : load_(load), socket_(Socket::connect(target, false)) {
    arrived_ns_.resize(load.records, 0);
    load.loop.add(socket_, *this, EPOLLIN);
    const std::string path = fmt::format("/v1/log?from={}&follow", load.first_position);
    socket_.send_all(bytes_of(request_line(target.host, path)));
  }

  void ready(uint32_t) override {
    const ssize_t got = socket_.receive(load_.scratch);
    if (got < 0) return;
    if (got == 0) throw std::runtime_error("fanout: the server closed a follower's connection");
    const uint64_t now = monotonic_ns();
    reply_.feed(ByteView(load_.scratch).first(static_cast<size_t>(got)), [&](ByteView part) {
      frames_.feed(part, [&](uint64_t position) {
        const uint64_t index = position - load_.first_position;
        if (index >= load_.records || arrived_ns_[index] != 0) {
          throw std::runtime_error(fmt::format("fanout: unexpected record at position {}", position));
        }
        arrived_ns_[index] = now;
        if (--load_.arrivals_missing == 0) load_.loop.stop();
      });
    });
    if (reply_.head_complete() && reply_.status() != 200) {
      throw std::runtime_error(fmt::format("fanout: following was refused with status {}", reply_.status()));
    }
  }
  bool following() const { return reply_.head_complete(); }
  const std::vector<uint64_t>& arrived_ns() const { return arrived_ns_; }

 private:
  Load& load_;
  Socket socket_;
  ReplyReader reply_;
  FrameCounter frames_;
  std::vector<uint64_t> arrived_ns_;
};

// Posts on its own thread, so that the moment of an acknowledgement is not blurred by followers being read.
class PacedPoster {
 public:
  PacedPoster(const Target& target, size_t record_bytes)
      : target_(target), maker_(monotonic_ns(), record_bytes), socket_(Socket::connect(target, true)) {}
  ~PacedPoster() {
    if (thread_.joinable()) thread_.join();
  }

  // Posts one record and returns its position.
  uint64_t post_one() {
    Bytes record(maker_.record_bytes());
    maker_.next(record);
    sent_ns_.push_back(monotonic_ns());
    const std::string body = post_record(socket_, target_.host, record);
    acknowledged_ns_.push_back(monotonic_ns());
    return nlohmann::json::parse(body).at("position").get<uint64_t>();
  }
  void start(uint32_t records, uint32_t interval_ms) {
    sent_ns_.clear();
    acknowledged_ns_.clear();
    thread_ = std::thread([this, records, interval_ms] { run(records, interval_ms); });
  }
  void finish() {
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }
  const std::vector<uint64_t>& sent_ns() const { return sent_ns_; }
  const std::vector<uint64_t>& acknowledged_ns() const { return acknowledged_ns_; }

 private:
  void run(uint32_t records, uint32_t interval_ms) try {
    run_first();
    for (uint32_t i = 0; i < records; ++i) {
      post_one();
      std::this_thread::sleep_for(std::chrono::milliseconds(interval_ms));
    }
  } catch (...) {
    failure_ = std::current_exception();
  }

  const Target target_;
  RecordMaker maker_;
  Socket socket_;
  std::vector<uint64_t> sent_ns_;
  std::vector<uint64_t> acknowledged_ns_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace

Figures fanout(const Common& common, const FanoutOptions& options) {
  const Target target(common.target);
  PacedPoster poster(target, options.record_bytes);
  Load load;
  load.first_position = poster.post_one() + 1;
  load.records = options.records;
  load.arrivals_missing = uint64_t{options.followers} * options.records;

  std::vector<std::unique_ptr<Follower>> followers;
  for (uint32_t i = 0; i < options.followers; ++i) followers.push_back(std::make_unique<Follower>(load, target));
  const uint64_t connect_deadline = monotonic_ns() + 30'000'000'000;
  for (auto& follower : followers) {
    while (!follower->following()) {
      if (monotonic_ns() > connect_deadline) throw std::runtime_error("fanout: followers get no answer");
      load.loop.run_until(monotonic_ns() + 10'000'000);
    }
  }

  const uint64_t server_cpu = cpu_ns(common.pids);
  const uint64_t start = monotonic_ns();
  poster.start(options.records, options.interval_ms);
  load.loop.run_until(start + 60'000'000'000 + uint64_t{options.records} * options.interval_ms * 2'000'000);
  poster.finish();
  if (load.arrivals_missing > 0) {
    throw std::runtime_error(fmt::format("fanout: {} arrivals are missing", load.arrivals_missing));
  }

  Latency from_ack;
  Latency from_send;
  for (auto& follower : followers) {
    for (uint32_t i = 0; i < options.records; ++i) {
      const uint64_t arrived = follower->arrived_ns()[i];
      const uint64_t acknowledged = poster.acknowledged_ns()[i];
      from_ack.add(arrived > acknowledged ? arrived - acknowledged : 0);  // followers may well be told first
      from_send.add(arrived - poster.sent_ns()[i]);
    }
  }
  Figures figures;
  figures["followers"] = options.followers;
  figures["records"] = options.records;
  figures["record_bytes"] = options.record_bytes;
  figures["server_cpu_us_per_arrival"] = static_cast<double>(cpu_ns(common.pids) - server_cpu) / 1e3 /
                                         static_cast<double>(uint64_t{options.followers} * options.records);
  add_latency(figures, "from_ack", from_ack);
  add_latency(figures, "from_send", from_send);
  return figures;
}

}  // namespace cwtch::loadgen
