// The sockets of a simulated world: streams between its Ios, in bounded buffers, with delays, partial transfers, stalls
// and resets drawn from the seed.
//
// A socket's number is valid in every Io of the world, as in one process. The peers of a server are Ios too.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/io/io.hpp"
#include "engine/sim/dice.hpp"

namespace cwtch::sim {

class SimIo;
class World;

class Network {
 public:
  Network(World& world, Dice dice) : world_(world), dice_(dice) {}

  // Both ends fail with ECONNRESET; bytes on their way are lost.
  void reset(io::Socket socket);
  // Nothing arrives at `socket` for this long: a peer that is slow, or a wire that is.
  void stall(io::Socket socket, uint64_t duration_ns);
  size_t open_sockets() const { return ends_.size(); }

  // ---- for SimIo ----
  Result<io::Socket> listen(const io::Address& address, const io::ListenOptions& options);
  Result<io::Address> local_address(io::Socket socket);
  bool peer_is_loopback(io::Socket socket);
  int connect(const io::Address& address);  // the new socket, or a negative errno
  // Each tries once: what accept(2), recv(2), send(2) and poll(2) would say. -EAGAIN: nothing there.
  int accept(io::Socket listener);
  int64_t recv(io::Socket socket, MutableBytes to);
  int64_t send(io::Socket socket, ByteView bytes);
  bool ready(io::Socket socket, io::PollFor what);
  void finish_sending(io::Socket socket);
  void shutdown(io::Socket socket);
  void close(io::Socket socket);
  // Calls wake() once, when the next thing happens at this socket.
  void wait(io::Socket socket, std::function<void()> wake);

 private:
  struct End {
    bool listener = false;
    io::Address address;
    io::ListenOptions options;
    std::deque<int> backlog;
    int peer = -1;  // -1: closed
    std::deque<uint8_t> incoming;
    size_t on_the_way = 0;  // sent by the peer, not arrived
    size_t capacity = 0;    // of incoming and on_the_way together
    uint64_t last_arrival_ns = 0;
    bool finished = false;  // the peer will send no more, and everything has arrived
    bool sent_all = false;  // finish_sending() was called here
    bool shut = false;      // shutdown() was called here
    bool reset = false;
    std::vector<std::function<void()>> waiting;
  };

  End& end(io::Socket socket);
  End* find(int number);
  void wake(End& end);
  void arrive_at(int number, std::function<void(End&)> what);
  int add(End end);

  World& world_;
  Dice dice_;
  std::map<int, End> ends_;
  int next_ = 100;
  int next_port_ = 40'000;
};

}  // namespace cwtch::sim
