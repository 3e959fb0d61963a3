// Workload: N connections read the log at different places and copy what they get; optionally a small request is timed
// beside them, and further connections have asked for the log and stopped reading.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>

#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/net.hpp"
#include "tools/loadgen/probe.hpp"
#include "tools/loadgen/reply.hpp"
#include "tools/loadgen/report.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

constexpr uint64_t kRangeUnit = 256 << 10;  // readers start at multiples of it, which suits O_DIRECT and chunks alike
constexpr size_t kReceiveBytes = 256 << 10;

// The pieces as one string of bytes.
class Places {
 public:
  explicit Places(const std::vector<Piece>& pieces) : pieces_(pieces) {
    if (pieces.empty()) throw std::runtime_error("stream: no pieces to read");
    for (const Piece& piece : pieces) {
      if (piece.bytes == 0) throw std::runtime_error("stream: a piece is empty: " + piece.path);
      starts_.push_back(total_);
      total_ += piece.bytes;
    }
  }
  uint64_t total() const { return total_; }
  size_t piece_at(uint64_t place) const {
    return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), place) - starts_.begin()) - 1;
  }
  const Piece& piece(size_t index) const { return pieces_[index]; }
  uint64_t start(size_t index) const { return starts_[index]; }
  uint64_t end(size_t index) const { return starts_[index] + pieces_[index].bytes; }

  // Where reader `index` of `count` starts; also where the one before it stops.
  uint64_t part(uint64_t index, uint64_t count, bool ranges) const {
    if (index == count) return total_;
    if (!ranges) return starts_[index * pieces_.size() / count];
    const uint64_t place = total_ / count * index;
    const size_t at = piece_at(place);
    return starts_[at] + (place - starts_[at]) / kRangeUnit * kRangeUnit;
  }

 private:
  const std::vector<Piece>& pieces_;
  std::vector<uint64_t> starts_;
  uint64_t total_ = 0;
};

struct Load {
  const Places& places;
  const Target& target;
  Loop loop;
  Bytes scratch = Bytes(kReceiveBytes);
  uint64_t bytes = 0;
  uint32_t reading = 0;
};

class StreamReader final : public Handler {
 public:
  // Reads [start, end) once, or from `start` round and round if there is no end.
  StreamReader(Load& load, uint64_t start, std::optional<uint64_t> end)
      : load_(load), socket_(Socket::connect(load.target, false)), place_(start), end_(end) {
    ++load.reading;
    load.loop.add(socket_, *this, EPOLLIN);
  }

  void ask() {
    const size_t index = load_.places.piece_at(place_);
    const uint64_t from = place_ - load_.places.start(index);
    stop_ = std::min(load_.places.end(index), end_.value_or(UINT64_MAX));
    std::string range;
    if (from != 0 || stop_ != load_.places.end(index)) {
      range = fmt::format("Range: bytes={}-{}\r\n", from, stop_ - load_.places.start(index) - 1);
    }
    reply_.reset();
    socket_.send_all(bytes_of(request_line(load_.target.host, load_.places.piece(index).path, range)));
  }

  void ready(uint32_t) override {
    const ssize_t got = socket_.receive(load_.scratch);
    if (got < 0) return;
    if (got == 0) throw std::runtime_error("stream: the server closed a connection");
    load_.bytes += static_cast<uint64_t>(got);
    reply_.feed(ByteView(load_.scratch).first(static_cast<size_t>(got)), [](ByteView) {});
    if (!reply_.complete()) return;
    if (reply_.status() / 100 != 2 || reply_.body_bytes() != stop_ - place_) {
      throw std::runtime_error(fmt::format("stream: status {}, {} bytes where {} were expected", reply_.status(),
                                           reply_.body_bytes(), stop_ - place_));
    }
    place_ = stop_;
    if (end_ && place_ == *end_) return finish();
    if (place_ == load_.places.total()) place_ = 0;
    ask();
  }

 private:
  void finish() {
    load_.loop.remove(socket_);
    if (--load_.reading == 0) load_.loop.stop();
  }

  Load& load_;
  Socket socket_;
  ReplyReader reply_;
  uint64_t place_;
  std::optional<uint64_t> end_;
  uint64_t stop_ = 0;
};

uint64_t deadline(double seconds) { return monotonic_ns() + static_cast<uint64_t>(seconds * 1e9); }

}  // namespace

std::vector<Piece> read_pieces(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("pieces: cannot read " + file);
  std::vector<Piece> pieces;
  for (Piece piece; in >> piece.path >> piece.bytes;) pieces.push_back(piece);
  return pieces;
}

Figures stream(const Common& common, const StreamOptions& options) {
  const Target target(common.target);
  const Places places(options.pieces);
  Load load{.places = places, .target = target};

  std::vector<Socket> stopped;
  for (uint32_t i = 0; i < options.stopped; ++i) {
    stopped.push_back(Socket::connect(target, false));
    stopped.back().send_all(bytes_of(request_line(target.host, options.pieces[i % options.pieces.size()].path)));
  }
  // What fits into their sockets is sent before anything is measured.
  if (!stopped.empty()) load.loop.run_until(deadline(1));
  std::vector<std::unique_ptr<StreamReader>> readers;
  for (uint32_t i = 0; i < options.readers; ++i) {
    const uint64_t start = places.part(i, options.readers, options.ranges);
    const uint64_t end = places.part(i + 1, options.readers, options.ranges);
    if (options.share && start == end) continue;  // more readers than places
    readers.push_back(std::make_unique<StreamReader>(load, start, options.share ? std::optional(end) : std::nullopt));
  }
  std::optional<Probe> probe;
  if (!options.probe_path.empty()) probe.emplace(target, options.probe_path);

  const auto warm_up = [&] {
    load.loop.run_until(deadline(common.warmup_seconds));
    if (probe) probe->forget();
    load.bytes = 0;
  };
  if (options.share) warm_up();  // nobody reads yet: the probe's connection and the server's start are what warms up
  uint64_t server_cpu = cpu_ns(common.pids);
  uint64_t own_cpu = own_cpu_ns();
  uint64_t start = monotonic_ns();
  for (auto& reader : readers) reader->ask();
  if (!options.share) {
    warm_up();
    server_cpu = cpu_ns(common.pids);
    own_cpu = own_cpu_ns();
    start = monotonic_ns();
  }
  constexpr double kShareSecondsMax = 300;
  load.loop.run_until(deadline(options.share ? kShareSecondsMax : common.seconds));
  const double seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
  const double server_seconds = static_cast<double>(cpu_ns(common.pids) - server_cpu) / 1e9;
  const double own_seconds = static_cast<double>(own_cpu_ns() - own_cpu) / 1e9;
  if (options.share && load.reading > 0) throw std::runtime_error("stream: readers did not finish");

  const double gigabytes = std::max(static_cast<double>(load.bytes) / 1e9, 1e-9);
  Figures figures;
  figures["readers"] = options.readers;
  figures["stopped"] = options.stopped;
  figures["seconds"] = seconds;
  figures["bytes"] = load.bytes;
  figures["gigabytes_per_s"] = static_cast<double>(load.bytes) / 1e9 / seconds;
  figures["server_cpu_s_per_gb"] = server_seconds / gigabytes;
  figures["receiver_cpu_s_per_gb"] = own_seconds / gigabytes;
  figures["cpu_s_per_gb"] = (server_seconds + own_seconds) / gigabytes;
  if (probe) add_latency(figures, "live", probe->finish());
  return figures;
}

}  // namespace cwtch::loadgen
