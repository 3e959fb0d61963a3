// Sockets and an epoll loop for many clients in one thread. Loopback only, on purpose.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <string>
#include <utility>

#include "engine/core/bytes.hpp"

namespace cwtch::loadgen {

// "127.0.0.1:8080", "[::1]:8080" or "http://..." of the same; throws for anything that is not loopback.
struct Target {
  explicit Target(const std::string& text);
  std::string host;  // as it stands in a Host header
  std::string address;
  uint16_t port = 0;
};

class Socket {
 public:
  Socket() = default;
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket();
  int fd() const { return fd_; }

  // Connects, then is non-blocking unless `blocking`; TCP_NODELAY. receive_buffer_bytes 0: the kernel's choice.
  static Socket connect(const Target& target, bool blocking, int receive_buffer_bytes = 0);
  // Bytes that came, 0 when the peer has finished, -1 when there are none yet; throws if the connection broke.
  ssize_t receive(MutableBytes to) const;
  // Bytes taken, 0 when the socket is full; throws if the connection broke.
  size_t send(ByteView bytes) const;
  void send_all(ByteView bytes) const;  // a blocking socket, or few bytes on an empty one

 private:
  int fd_ = -1;
};

// Whoever waits for a socket.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void ready(uint32_t epoll_events) = 0;
};

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void add(const Socket& socket, Handler& handler, uint32_t epoll_events);
  void change(const Socket& socket, Handler& handler, uint32_t epoll_events);
  void remove(const Socket& socket);
  // Runs handlers until stop() or until the deadline on the monotonic clock.
  void run_until(uint64_t deadline_ns);
  void stop() { stopped_ = true; }

 private:
  int epoll_ = -1;
  bool stopped_ = false;
};

}  // namespace cwtch::loadgen
