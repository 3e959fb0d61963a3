// How the client reaches a server: blocking streams, made by a Dialer. This is the client's seam to the network: tests
// put scripted peers here, and onion services will be dialled through Tor with a fresh circuit per stream.
//
// Thread:  one thread reads and writes; cancel() may come from any.
#pragma once

#include <memory>
#include <string>

#include "engine/core/bytes.hpp"

namespace cwtch::client {

// Where a server listens. `authority` is what HTTP's Host field says.
struct Endpoint {
  std::string host;  // numeric address, or empty for a UNIX socket
  uint16_t port = 0;
  std::string path;  // of a UNIX socket
  std::string authority;
};

// "http://127.0.0.1:8080", "http://[::1]:8080", "unix:/run/cwtchd/api.sock". Names are not resolved, except that
// localhost is 127.0.0.1: a look-up would tell the network whom we talk to. malformed otherwise.
Result<Endpoint> parse_endpoint(std::string_view url);

class Transport {
 public:
  virtual ~Transport() = default;
  // At least one byte, or 0 when the peer has finished. timeout: it was silent for too long. cancelled: by cancel().
  virtual Result<size_t> read(MutableBytes to) = 0;
  virtual Status write(ByteView bytes) = 0;  // all of them
  virtual void cancel() = 0;                 // ends what is in progress and refuses what comes later
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Result<std::unique_ptr<Transport>> dial(const Endpoint& endpoint) = 0;
};

// TCP and UNIX sockets of this machine. An address that is not loopback is refused (denied) unless `allow_plaintext`:
// the stream has no encryption of its own.
class SocketDialer final : public Dialer {
 public:
  struct Options {
    bool allow_plaintext = false;
    uint32_t connect_timeout_s = 10;
    uint32_t silence_timeout_s = 150;  // a followed log has a heartbeat every 60 s
  };
  explicit SocketDialer(const Options& options) : options_(options) {}
  Result<std::unique_ptr<Transport>> dial(const Endpoint& endpoint) override;

 private:
  const Options options_;
};

}  // namespace cwtch::client
