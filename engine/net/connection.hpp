// One accepted socket: receives into its handler, sends what it pulls from its handler, and closes without leaving
// anything behind. It knows nothing of HTTP or of the log.
//
// Sending:  the handler keeps a place in what it has to say, not bytes. When the socket has room and the shard's
//           SendQueue grants a turn, the connection pulls one piece, sends it once, and hands the piece back with the
//           number of bytes that went out. After a short send it waits for the socket to become writable, holding
//           nothing. A peer that does not read therefore costs a place and no memory of ours.
// Closing:  stop starting, shut the socket down, wait until every operation (and the handler's own) is back, close the
//           descriptor, tell the handler, which may then free both.
// Thread:   its shard's.
#pragma once

#include "engine/io/io.hpp"
#include "engine/net/deadline.hpp"
#include "engine/net/send_queue.hpp"

namespace cwtch::net {

class Connection;

// What the layer above implements: it is fed what arrives and asked for what goes out.
class Handler {
 public:
  struct Piece {
    ByteView bytes;     // unchanged until sent()
    bool more = false;  // another piece follows at once: no short packet in between
  };

  // Takes all of `bytes`, copying what it keeps. Call recv_pause() to get no more for now. An error closes.
  virtual Status feed(ByteView bytes) = 0;
  // The peer has finished sending.
  virtual Status finished() = 0;
  // The next bytes to send; empty when there are none now (call send_start() when there are). An error closes.
  virtual Result<Piece> pull() = 0;
  // `size` bytes of the last piece went out: 0 if the socket took none, less than all if it or the turn had no room for
  // more. The piece may be let go of.
  virtual void sent(size_t size) = 0;
  // Of what pull() would give next.
  virtual Urgency urgency() const = 0;
  // The connection has begun to close. No feed(), pull() or sent() follows, except sent() for a send in flight.
  virtual void closing(const Error& reason) = 0;
  // True when no operation of the handler's own is in flight; it calls close_when_idle() when that becomes true.
  virtual bool idle() const = 0;
  // All is closed: handler and connection may be destroyed in this call.
  virtual void closed() = 0;

 protected:
  ~Handler() = default;
};

class Connection final : public Sender {
 public:
  Connection(io::Io& io, SendQueue& queue, Handler& handler) : io_(io), queue_(queue), handler_(handler) {}
  ~Connection();  // REQUIRES: closed, or never started

  // `zero_copy`: worth trying for large pieces (the listener is not on loopback).
  void start(io::Socket socket, bool zero_copy);

  // Something is there to send. Without effect while a send is under way: the handler is asked again anyway.
  void send_start();
  // Tells the peer that nothing more comes. REQUIRES: not sending.
  void send_finish() { io_.finish_sending(socket_); }
  void recv_pause() { recv_paused_ = true; }
  void recv_resume();
  void close_start(const Error& reason);
  void close_when_idle();

  bool open() const { return state_ == State::open; }
  // The peer has to read before more can be sent.
  bool waits_for_writable() const { return poll_.in_flight(); }
  bool sending() const { return linked() || send_.in_flight() || poll_.in_flight(); }

  // ---- for SendQueue ----
  size_t send_turn(size_t bytes_max) override;

 private:
  enum class State : uint8_t { fresh, open, closing, closed };

  void recv_start();
  void recv_done(io::Recv& recv);
  void send_done(io::Send& send);
  void poll_done(io::Poll& poll);
  void close_done(io::Close& close);

  io::Io& io_;
  SendQueue& queue_;
  Handler& handler_;
  io::Recv recv_;
  io::Send send_;
  io::Poll poll_;  // for writable
  io::Close close_;
  io::Socket socket_;
  State state_ = State::fresh;
  bool recv_paused_ = false;
  bool zero_copy_ = false;
};

}  // namespace cwtch::net
