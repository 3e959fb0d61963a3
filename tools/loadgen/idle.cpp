// Workload: N connections that have asked once and then do nothing: followers of a silent log, or readers that stopped
// in the middle. What each costs the server and the kernel.

#include <chrono>
#include <stdexcept>
#include <thread>

#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/net.hpp"
#include "tools/loadgen/records.hpp"
#include "tools/loadgen/reply.hpp"
#include "tools/loadgen/report.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

constexpr size_t kRecordBytes = 2800;

struct Memory {
  uint64_t user_bytes;
  KernelMemory kernel;
};

// After things have settled: the kernel frees and trims lazily.
Memory measure(const Common& common) {
  std::this_thread::sleep_for(std::chrono::duration<double>(common.seconds));
  return {anonymous_bytes(common.pids), kernel_memory()};
}

double per_connection(uint64_t before, uint64_t after, uint32_t connections) {
  return (static_cast<double>(after) - static_cast<double>(before)) / connections;
}

std::vector<Socket> open(const Target& target, const IdleOptions& options, uint32_t connections) {
  std::vector<Socket> sockets;
  Bytes scratch(4096);
  for (uint32_t i = 0; i < connections; ++i) {
    // Small receive buffers for those that stop: what the kernel holds for them is then the server's choice.
    sockets.push_back(Socket::connect(target, true, options.stopped ? 4096 : 0));
    sockets.back().send_all(bytes_of(request_line(target.host, options.path)));
    ReplyReader reply;
    while (!reply.head_complete()) {
      const ssize_t got = sockets.back().receive(scratch);
      if (got <= 0) throw std::runtime_error("idle: the server closed a connection");
      reply.feed(ByteView(scratch).first(static_cast<size_t>(got)), [](ByteView) {});
    }
    if (reply.status() != 200) throw std::runtime_error("idle: refused with status " + std::to_string(reply.status()));
    if (i % 64 == 0) show_progress("connecting", static_cast<double>(i) / connections);
  }
  show_progress("connecting", 1);
  return sockets;
}

// One record for everybody, taken in by each: a follower that has never been served might hold less than one that has.
void wake_followers(const Target& target, const std::vector<Socket>& followers, Bytes& scratch) {
  Bytes record(kRecordBytes);
  RecordMaker(monotonic_ns(), record.size()).next(record);
  const Socket poster = Socket::connect(target, true);
  const std::string answer = post_record(poster, target.host, record);
  for (const Socket& follower : followers) {
    for (size_t taken = 0; taken < kRecordBytes;) {
      const ssize_t got = follower.receive(scratch);
      if (got <= 0) throw std::runtime_error("idle: the server closed a follower's connection");
      taken += static_cast<size_t>(got);
    }
  }
}

}  // namespace

Figures idle(const Common& common, const IdleOptions& options) {
  const Target target(common.target);
  // A tenth of them first, closed again: pools that grow once for the process are not counted as a follower's.
  { const auto some = open(target, options, options.connections / 10 + 1); }
  const Memory before = measure(common);
  const std::vector<Socket> sockets = open(target, options, options.connections);
  Bytes scratch(64 << 10);
  if (!options.stopped) wake_followers(target, sockets, scratch);
  const Memory during = measure(common);

  Figures figures;
  figures["connections"] = options.connections;
  figures["user_bytes_before"] = before.user_bytes;
  figures["user_bytes_per_connection"] = per_connection(before.user_bytes, during.user_bytes, options.connections);
  // Both ends of each connection are in this kernel; the two sockets are alike, so a server's share is about half.
  const double slab = per_connection(before.kernel.slab_bytes, during.kernel.slab_bytes, options.connections);
  const double pages =
      per_connection(before.kernel.socket_page_bytes, during.kernel.socket_page_bytes, options.connections);
  figures["kernel_slab_bytes_both_ends"] = slab;
  figures["kernel_queued_bytes_both_ends"] = pages;
  figures["kernel_bytes_server_end"] = slab / 2 + pages;
  return figures;
}

}  // namespace cwtch::loadgen
