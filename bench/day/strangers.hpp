// Everybody else on a server: posts records that nobody here can read, over a few kept connections at once. They have
// the length and form of a tagged message, and random content.
//
// Thread: one; has threads of its own while it posts. Throws std::runtime_error when the server refuses.
#pragma once

#include <memory>
#include <vector>

#include "engine/client/server_link.hpp"
#include "engine/client/transport.hpp"
#include "engine/core/random.hpp"

namespace cwtch::bench {

class Strangers {
 public:
  Strangers(const client::Endpoint& endpoint, uint64_t seed);
  void post(uint64_t records);  // until all are acknowledged

 private:
  struct Poster {
    Poster(client::Dialer& dialer, const client::Endpoint& endpoint, uint64_t seed)
        : link(dialer, endpoint), random(seed) {}
    client::ServerLink link;
    SeededRandom random;
  };

  client::SocketDialer dialer_{{}};
  std::vector<std::unique_ptr<Poster>> posters_;
};

}  // namespace cwtch::bench
