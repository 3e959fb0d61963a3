#include "engine/client/transport.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>

namespace cwtch::client {
namespace {

class SocketTransport final : public Transport {
 public:
  explicit SocketTransport(int socket) : socket_(socket) {}
  ~SocketTransport() override { ::close(socket_); }
  SocketTransport(const SocketTransport&) = delete;
  SocketTransport& operator=(const SocketTransport&) = delete;

  Result<size_t> read(MutableBytes to) override {
    while (true) {
      const ssize_t size = ::recv(socket_, to.data(), to.size(), 0);
      if (cancelled_.load(std::memory_order_acquire)) return fail(Errc::cancelled, "connection: cancelled");
      if (size >= 0) return static_cast<size_t>(size);
      if (errno != EINTR) return failed("connection: receive");
    }
  }

  Status write(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (cancelled_.load(std::memory_order_acquire)) return fail(Errc::cancelled, "connection: cancelled");
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return failed("connection: send");
      bytes = bytes.subspan(static_cast<size_t>(size));
    }
    return {};
  }

  void cancel() override {
    cancelled_.store(true, std::memory_order_release);
    ::shutdown(socket_, SHUT_RDWR);  // wakes a thread that waits in recv or send
  }

 private:
  static Failure failed(const char* context) {
    // The kernel says EAGAIN when SO_RCVTIMEO or SO_SNDTIMEO has passed.
    if (errno == EAGAIN || errno == EWOULDBLOCK) return fail(Errc::timeout, "connection: the server is silent");
    return fail_errno(errno, context);
  }

  const int socket_;
  std::atomic<bool> cancelled_{false};
};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool loopback = false;
};

Result<Address> address_of(const Endpoint& endpoint) {
  Address address;
  if (!endpoint.path.empty()) {
    auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
    if (endpoint.path.size() >= sizeof local.sun_path) return fail(Errc::too_large, "socket: path is too long");
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, endpoint.path.c_str(), endpoint.path.size() + 1);
    address.size = sizeof local;
    address.loopback = true;
    return address;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (::inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    address.size = sizeof v4;
    address.loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  } else if (::inet_pton(AF_INET6, endpoint.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    address.size = sizeof v6;
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  } else {
    return fail(Errc::malformed, "server address: not a numeric address");
  }
  return address;
}

void set_timeout(int socket, int option, uint32_t seconds) {
  timeval value{};
  value.tv_sec = seconds;
  ::setsockopt(socket, SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  Endpoint endpoint;
  if (url.starts_with("unix:")) {
    endpoint.path = url.substr(5);
    endpoint.authority = "localhost";
    if (endpoint.path.empty() || endpoint.path[0] != '/') return fail(Errc::malformed, "server address: unix:/PATH");
    return endpoint;
  }
  constexpr std::string_view kScheme = "http://";
  constexpr const char* kForm = "server address: http://ADDRESS:PORT or unix:/PATH";
  if (!url.starts_with(kScheme)) return fail(Errc::malformed, kForm);
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const size_t colon = url.rfind(':');
  if (colon == std::string_view::npos) return fail(Errc::malformed, kForm);
  std::string_view host = url.substr(0, colon);
  const std::string_view port = url.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
    return fail(Errc::malformed, "server address: the port is not 1 to 65535");
  }
  endpoint.authority = url;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host == "localhost" ? "127.0.0.1" : host;
  const Result<Address> address = address_of(endpoint);
  if (!address) return fail(address.error());
  return endpoint;
}

Result<std::unique_ptr<Transport>> SocketDialer::dial(const Endpoint& endpoint) {
  const Result<Address> address = address_of(endpoint);
  if (!address) return fail(address.error());
  if (!address->loopback && !options_.allow_plaintext) {
    return fail(Errc::denied, "server address: not loopback, and the stream would not be encrypted");
  }
  const int socket = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return fail_errno(errno, "connection: socket");
  auto transport = std::make_unique<SocketTransport>(socket);
  // A request leaves in one write and waits for its answer: nothing is gained by holding it back.
  if (address->storage.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  set_timeout(socket, SO_SNDTIMEO, options_.connect_timeout_s);  // Linux applies it to connect() as well
  while (::connect(socket, reinterpret_cast<const sockaddr*>(&address->storage), address->size) != 0) {
    if (errno == EINTR) continue;
    if (errno == EISCONN) break;
    if (errno == EINPROGRESS || errno == EAGAIN) return fail(Errc::timeout, "connection: the server does not answer");
    return fail_errno(errno, "connection: connect");
  }
  set_timeout(socket, SO_SNDTIMEO, options_.silence_timeout_s);
  set_timeout(socket, SO_RCVTIMEO, options_.silence_timeout_s);
  return transport;
}

}  // namespace cwtch::client
