// The socket calls that never wait, shared by the back ends: addresses, listening, the start of a connect.
//
// Thread:  any; nothing here keeps state.
// Errors:  malformed for an address that does not parse (names are not resolved: a resolver would block, and would tell
//          somebody whom we talk to); otherwise the kernel's.
#pragma once

#include <sys/socket.h>

#include "engine/io/io.hpp"

namespace cwtch::io {

struct Endpoint {
  sockaddr_storage storage;
  socklen_t size;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  bool loopback() const;
  Address address() const;
};

Result<Endpoint> parse(const Address& address);

// `nonblocking`: an accept that finds nobody returns EAGAIN. A ring wants the other kind: it waits by itself.
// A UNIX socket is made with mode 0600; one that nobody listens on any more is replaced.
Result<Socket> open_listener(const Address& address, const ListenOptions& options, bool nonblocking);

struct Connecting {
  int socket;  // or a negative errno
  bool done;   // false: wait until it is writable, then ask connect_result()
};
Connecting connect_start(const Address& address);
int connect_result(int socket);  // 0 or a negative errno

Result<Address> local_address(Socket socket);
bool peer_is_loopback(Socket socket);

// Both directions; what is in the send buffer still goes out.
void shutdown_both(int socket);
// Sends a reset and drops what is in the send buffer; the descriptor stays open.
void disconnect(int socket);

// What accept(2) returns for a connection that failed before we took it: nobody's problem, ask for the next.
bool accept_should_retry(int negative_errno);

}  // namespace cwtch::io
