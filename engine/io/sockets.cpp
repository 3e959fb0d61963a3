#include "engine/io/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace cwtch::io {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

template <class T>
T& as(Endpoint& endpoint) {
  static_assert(sizeof(T) <= sizeof(endpoint.storage));
  endpoint.size = sizeof(T);
  return *reinterpret_cast<T*>(&endpoint.storage);
}
template <class T>
const T& as(const Endpoint& endpoint) {
  return *reinterpret_cast<const T*>(&endpoint.storage);
}

bool parse_port(std::string_view text, uint16_t* port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Result<Endpoint> parse_unix(std::string_view path) {
  Endpoint endpoint{};
  auto& to = as<sockaddr_un>(endpoint);
  to.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != path.npos) return fail(Errc::malformed, "address: empty path after unix:");
  if (path.size() >= sizeof(to.sun_path)) return fail(Errc::malformed, "address: path of a UNIX socket is too long");
  std::memcpy(to.sun_path, path.data(), path.size());
  endpoint.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return endpoint;
}

void set_option(int socket, int level, int option, int value) {
  // These options cannot fail on a socket of ours; a buffer size is cut to the system's limit.
  static_cast<void>(::setsockopt(socket, level, option, &value, sizeof value));
}

// True when `path` is a socket that nobody listens on: what a killed process leaves behind.
bool abandoned(const Endpoint& endpoint) {
  struct stat status;
  if (::lstat(as<sockaddr_un>(endpoint).sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe.get() >= 0 && ::connect(probe.get(), endpoint.get(), endpoint.size) != 0 && errno == ECONNREFUSED;
}

int bind_to(int socket, const Endpoint& endpoint) {
  if (::bind(socket, endpoint.get(), endpoint.size) == 0) return 0;
  if (errno != EADDRINUSE || endpoint.storage.ss_family != AF_UNIX || !abandoned(endpoint)) return -1;
  ::unlink(as<sockaddr_un>(endpoint).sun_path);
  return ::bind(socket, endpoint.get(), endpoint.size);
}

}  // namespace

bool Endpoint::loopback() const {
  switch (storage.ss_family) {
    case AF_UNIX:
      return true;
    case AF_INET:
      return ntohl(as<sockaddr_in>(*this).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6: {
      const in6_addr& address = as<sockaddr_in6>(*this).sin6_addr;
      return IN6_IS_ADDR_LOOPBACK(&address) ||
             (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == IN_LOOPBACKNET);
    }
    default:
      return false;
  }
}

Address Endpoint::address() const {
  char text[INET6_ADDRSTRLEN] = "";
  switch (storage.ss_family) {
    case AF_UNIX:
      return {std::string(kUnixPrefix) +
              std::string(as<sockaddr_un>(*this).sun_path,
                          strnlen(as<sockaddr_un>(*this).sun_path, sizeof(sockaddr_un::sun_path)))};
    case AF_INET:
      ::inet_ntop(AF_INET, &as<sockaddr_in>(*this).sin_addr, text, sizeof text);
      return {std::string(text) + ":" + std::to_string(ntohs(as<sockaddr_in>(*this).sin_port))};
    case AF_INET6:
      ::inet_ntop(AF_INET6, &as<sockaddr_in6>(*this).sin6_addr, text, sizeof text);
      return {"[" + std::string(text) + "]:" + std::to_string(ntohs(as<sockaddr_in6>(*this).sin6_port))};
    default:
      return {};
  }
}

Result<Endpoint> parse(const Address& address) {
  const std::string_view text = address.text;
  if (text.starts_with(kUnixPrefix)) return parse_unix(text.substr(kUnixPrefix.size()));

  const size_t colon = text.rfind(':');
  uint16_t port = 0;
  if (colon == text.npos || !parse_port(text.substr(colon + 1), &port)) {
    return fail(Errc::malformed, "address: no port after the last colon");
  }
  std::string host(text.substr(0, colon));
  Endpoint endpoint{};
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto& to = as<sockaddr_in6>(endpoint);
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &to.sin6_addr) == 1) return endpoint;
  } else {
    auto& to = as<sockaddr_in>(endpoint);
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &to.sin_addr) == 1) return endpoint;
  }
  return fail(Errc::malformed, "address: neither an IPv4 nor a bracketed IPv6 address");
}

bool Address::loopback() const {
  const Result<Endpoint> endpoint = parse(*this);
  return endpoint && endpoint->loopback();
}

Result<Socket> open_listener(const Address& address, const ListenOptions& options, bool nonblocking) {
  const Result<Endpoint> endpoint = parse(address);
  if (!endpoint) return fail(endpoint.error());
  const int family = endpoint->storage.ss_family;
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0));
  if (socket.get() < 0) return fail_errno(errno, "listen: socket");

  if (family == AF_UNIX) {
    // On Linux a socket's mode before bind becomes that of its file: there is no moment in which others may connect.
    if (::fchmod(socket.get(), 0600) != 0) return fail_errno(errno, "listen: mode of the UNIX socket");
  } else {
    // Accepted sockets inherit all of these, so accepting one costs no further system call.
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    if (family == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (options.reuse_port) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  }
  if (options.send_buffer_bytes > 0) set_option(socket.get(), SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes);
  if (options.receive_buffer_bytes > 0) set_option(socket.get(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes);
  if (bind_to(socket.get(), *endpoint) != 0) return fail_errno(errno, "listen: bind");
  if (::listen(socket.get(), options.backlog) != 0) return fail_errno(errno, "listen");
  return Socket{socket.release()};
}

Connecting connect_start(const Address& address) {
  const Result<Endpoint> endpoint = parse(address);
  if (!endpoint) return {-EINVAL, true};
  Descriptor socket(::socket(endpoint->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) return {-errno, true};
  if (endpoint->storage.ss_family != AF_UNIX) set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(socket.get(), endpoint->get(), endpoint->size) == 0) return {socket.release(), true};
  // An interrupted connect goes on in the kernel, as one in progress does.
  if (errno == EINPROGRESS || errno == EINTR) return {socket.release(), false};
  return {-errno, true};
}

int connect_result(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
  return -error;
}

Result<Address> local_address(Socket socket) {
  Endpoint endpoint{};
  endpoint.size = sizeof endpoint.storage;
  if (::getsockname(socket.value, endpoint.get(), &endpoint.size) != 0) return fail_errno(errno, "local address");
  return endpoint.address();
}

bool peer_is_loopback(Socket socket) {
  Endpoint endpoint{};
  endpoint.size = sizeof endpoint.storage;
  return ::getpeername(socket.value, endpoint.get(), &endpoint.size) == 0 && endpoint.loopback();
}

void shutdown_both(int socket) {
  // Fails when the peer was quicker (ENOTCONN): then everything in flight comes back because of that.
  static_cast<void>(::shutdown(socket, SHUT_RDWR));
}

void disconnect(int socket) {
  const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  static_cast<void>(::connect(socket, &nobody, sizeof nobody));
}

bool accept_should_retry(int negative_errno) {
  switch (-negative_errno) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:  // a firewall rule
    // accept(2): errors already pending on the new socket, to be treated like EAGAIN.
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace cwtch::io
