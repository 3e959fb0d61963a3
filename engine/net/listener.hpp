// Accepts connections on one address while its owner has room, and steps back when descriptors run out.
//
// Limit:   when the owner has no room, one more is accepted and held back, and the owner is asked to let an idle
//          connection go; if there is none, new ones wait in the kernel's backlog (bounded) until there is room again.
// Thread:  the shard's.
#pragma once

#include "engine/io/io.hpp"

namespace cwtch::net {

class Listener {
 public:
  class Owner {
   public:
    // Takes over an accepted socket.
    virtual void accepted(io::Socket socket, bool zero_copy) = 0;
    virtual bool has_room() const = 0;
    // Room or descriptors are short: start closing a connection that does nothing. False when there is none.
    virtual bool make_room() = 0;

   protected:
    ~Owner() = default;
  };
  struct Options {
    io::Address address;
    io::ListenOptions socket;
  };

  Listener(io::Io& io, Owner& owner) : io_(io), owner_(owner) {}

  Status start(const Options& options);
  // The address with the port that the system chose.
  const io::Address& address() const { return address_; }
  // Call when the owner has got room.
  void room_again();
  // Accepts no more; idle() becomes true when the descriptor is closed.
  void stop();
  bool idle() const { return state_ == State::fresh || state_ == State::closed; }

 private:
  enum class State : uint8_t { fresh, open, closing, closed };

  void accept_start();
  void accept_done(io::Accept& accept);
  void backoff_start();
  void backoff_done(io::Timer& timer);
  void close_done(io::Close& close);
  void held_close_done(io::Close& close);
  void close_when_idle();

  io::Io& io_;
  Owner& owner_;
  io::Accept accept_;
  io::Timer backoff_;
  io::Close close_;
  io::Close held_close_;
  io::Socket socket_;
  io::Socket held_;  // accepted without room
  io::Address address_;
  State state_ = State::fresh;
  bool zero_copy_ = false;
};

}  // namespace cwtch::net
