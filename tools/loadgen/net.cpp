#include "tools/loadgen/net.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

void set_option(int fd, int level, int name, int value) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) throw_errno("setsockopt");
}

}  // namespace

Target::Target(const std::string& text) {
  std::string rest = text;
  if (rest.rfind("http://", 0) == 0) rest.erase(0, 7);
  if (const size_t slash = rest.find('/'); slash != std::string::npos) rest.erase(slash);
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("target: expected ADDRESS:PORT, got " + text);
  host = rest;
  address = rest.substr(0, colon);
  port = static_cast<uint16_t>(std::stoul(rest.substr(colon + 1)));
  if (address == "[::1]") address = "::1";
  if (address == "localhost") address = "127.0.0.1";
  in_addr v4{};
  const bool loopback_v4 = inet_pton(AF_INET, address.c_str(), &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
  if (!loopback_v4 && address != "::1")
    throw std::runtime_error("target: only loopback addresses are loaded, not " + text);
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

Socket Socket::connect(const Target& target, bool blocking, int receive_buffer_bytes) {
  const bool v6 = target.address == "::1";
  Socket socket;
  socket.fd_ = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket.fd_ < 0) throw_errno("socket");
  if (receive_buffer_bytes > 0) set_option(socket.fd_, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
  int result;
  if (v6) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(target.port);
    to.sin6_addr = in6addr_loopback;
    result = ::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(target.port);
    inet_pton(AF_INET, target.address.c_str(), &to.sin_addr);
    result = ::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  if (result != 0) throw_errno("connect");
  set_option(socket.fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  if (blocking) {
    const timeval limit{30, 0};  // a server that stops answering ends the run instead of hanging it
    setsockopt(socket.fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket.fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  } else {
    int on = 1;
    if (ioctl(socket.fd_, FIONBIO, &on) != 0) throw_errno("ioctl");
  }
  return socket;
}

ssize_t Socket::receive(MutableBytes to) const {
  for (;;) {
    const ssize_t got = recv(fd_, to.data(), to.size(), 0);
    if (got >= 0) return got;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) throw_errno("recv");
  }
}

size_t Socket::send(ByteView bytes) const {
  for (;;) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) throw_errno("send");
  }
}

void Socket::send_all(ByteView bytes) const {
  while (!bytes.empty()) {
    const size_t sent = send(bytes);
    if (sent == 0) {
      pollfd wait{fd_, POLLOUT, 0};
      if (poll(&wait, 1, 30'000) == 0) throw std::runtime_error("send: the server does not read");
    }
    bytes = bytes.subspan(sent);
  }
}

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw_errno("epoll_create1");
}
Loop::~Loop() { close(epoll_); }

void Loop::add(const Socket& socket, Handler& handler, uint32_t epoll_events) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.fd(), &event) != 0) throw_errno("epoll_ctl");
}

void Loop::change(const Socket& socket, Handler& handler, uint32_t epoll_events) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &handler;
  if (epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd(), &event) != 0) throw_errno("epoll_ctl");
}

void Loop::remove(const Socket& socket) { epoll_ctl(epoll_, EPOLL_CTL_DEL, socket.fd(), nullptr); }

void Loop::run_until(uint64_t deadline_ns) {
  epoll_event events[512];
  stopped_ = false;
  while (!stopped_) {
    const uint64_t now = monotonic_ns();
    if (now >= deadline_ns) return;
    const uint64_t wait_ms = (deadline_ns - now) / 1'000'000 + 1;
    const int count = epoll_wait(epoll_, events, 512, static_cast<int>(wait_ms > 1000 ? 1000 : wait_ms));
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int i = 0; i < count; ++i) static_cast<Handler*>(events[i].data.ptr)->ready(events[i].events);
  }
}

}  // namespace cwtch::loadgen
