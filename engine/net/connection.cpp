#include "engine/net/connection.hpp"

#include <algorithm>

namespace cwtch::net {
namespace {

// Below this, setting up a zero-copy send costs more than the copy it saves.
constexpr size_t kZeroCopyBytesMin = 32 * 1024;

}  // namespace

Connection::~Connection() { CHECK(state_ == State::fresh || state_ == State::closed); }

void Connection::start(io::Socket socket, bool zero_copy) {
  CHECK(state_ == State::fresh);
  socket_ = socket;
  zero_copy_ = zero_copy && !io_.peer_is_loopback(socket);
  state_ = State::open;
  recv_start();
}

void Connection::recv_start() {
  CHECK(state_ == State::open);
  io_.recv(recv_, socket_, io::then<&Connection::recv_done>(this));
}

void Connection::recv_resume() {
  recv_paused_ = false;
  if (state_ == State::open && !recv_.in_flight()) recv_start();
}

void Connection::recv_done(io::Recv& recv) {
  const io::Buffer buffer = std::move(recv.buffer);
  if (state_ == State::closing) return close_when_idle();
  CHECK(state_ == State::open);

  const Result<size_t> size = recv.size();
  if (!size) return close_start(size.error());
  if (*size == 0) {
    recv_paused_ = true;  // nothing will ever follow
    if (const Status finished = handler_.finished(); !finished) close_start(finished.error());
    return;
  }
  if (const Status fed = handler_.feed(buffer.bytes()); !fed) return close_start(fed.error());
  if (state_ == State::open && !recv_paused_ && !recv_.in_flight()) recv_start();
}

void Connection::send_start() {
  if (state_ == State::open && !sending()) queue_.push(*this, handler_.urgency());
}

size_t Connection::send_turn(size_t bytes_max) {
  CHECK(state_ == State::open);
  CHECK(!send_.in_flight());
  const Result<Handler::Piece> piece = handler_.pull();
  if (!piece) {
    close_start(piece.error());
    return 0;
  }
  if (piece->bytes.empty()) return 0;
  const ByteView bytes = piece->bytes.first(std::min(piece->bytes.size(), bytes_max));
  const bool zero_copy = zero_copy_ && bytes.size() >= kZeroCopyBytesMin;
  io_.send(send_, socket_, bytes, {.more = piece->more, .zero_copy = zero_copy},
           io::then<&Connection::send_done>(this));
  return bytes.size();
}

void Connection::send_done(io::Send& send) {
  const Result<size_t> size = send.size();
  handler_.sent(size ? *size : 0);
  if (state_ == State::closing) return close_when_idle();
  CHECK(state_ == State::open);

  if (!size && size.error().code != Errc::busy) return close_start(size.error());
  const bool full = !size || *size < send.size_;
  if (full) return io_.poll(poll_, socket_, io::PollFor::writable, io::then<&Connection::poll_done>(this));
  if (!linked()) queue_.push(*this, handler_.urgency());  // sent() may have begun another answer
}

void Connection::poll_done(io::Poll& poll) {
  if (state_ == State::closing) return close_when_idle();
  CHECK(state_ == State::open);
  if (const Status status = poll.status(); !status) return close_start(status.error());
  queue_.push(*this, handler_.urgency());
}

void Connection::close_start(const Error& reason) {
  if (state_ != State::open) return;
  state_ = State::closing;
  unlink();
  io_.shutdown(socket_);
  handler_.closing(reason);
  close_when_idle();
}

void Connection::close_when_idle() {
  if (state_ != State::closing || close_.in_flight()) return;
  if (recv_.in_flight() || send_.in_flight() || poll_.in_flight() || !handler_.idle()) return;
  io_.close(close_, socket_, io::then<&Connection::close_done>(this));
}

void Connection::close_done(io::Close&) {
  CHECK(state_ == State::closing);
  state_ = State::closed;
  handler_.closed();
}

}  // namespace cwtch::net
