#include "engine/net/listener.hpp"

namespace cwtch::net {
namespace {

constexpr uint64_t kBackoffNs = 100 * kMillisecond;  // descriptors come back when connections close, not sooner

}  // namespace

Status Listener::start(const Options& options) {
  CHECK(state_ == State::fresh);
  const Result<io::Socket> socket = io_.listen(options.address, options.socket);
  if (!socket) return fail(socket.error());
  const Result<io::Address> address = io_.local_address(*socket);
  if (!address) return fail(address.error());  // the process ends: no need to close
  socket_ = *socket;
  address_ = *address;
  zero_copy_ = !options.address.loopback();
  state_ = State::open;
  accept_start();
  return {};
}

void Listener::accept_start() {
  if (state_ != State::open || accept_.in_flight() || backoff_.in_flight()) return;
  if (held_ && owner_.has_room()) owner_.accepted(std::exchange(held_, io::Socket{}), zero_copy_);
  if (!held_) return io_.accept(accept_, socket_, io::then<&Listener::accept_done>(this));
  owner_.make_room();
  backoff_start();  // then once more, and sooner when there is room
}

void Listener::accept_done(io::Accept& accept) {
  const Result<io::Socket> socket = accept.socket();
  if (socket) {
    CHECK(!held_);
    held_ = *socket;
  }
  if (state_ == State::closing) return close_when_idle();
  CHECK(state_ == State::open);
  if (!socket && socket.error().code != Errc::closed) {
    // Out of descriptors or kernel memory. Asking again at once would spin.
    owner_.make_room();
    return backoff_start();
  }
  accept_start();
}

void Listener::backoff_start() { io_.timer(backoff_, kBackoffNs, io::then<&Listener::backoff_done>(this)); }

void Listener::backoff_done(io::Timer&) {
  if (state_ == State::closing) return close_when_idle();
  accept_start();
}

void Listener::room_again() {
  if (backoff_.in_flight()) io_.cancel(backoff_);
  accept_start();
}

void Listener::stop() {
  if (state_ == State::fresh) state_ = State::closed;
  if (state_ != State::open) return;
  state_ = State::closing;
  if (accept_.in_flight()) io_.cancel(accept_);
  if (backoff_.in_flight()) io_.cancel(backoff_);
  close_when_idle();
}

void Listener::close_when_idle() {
  if (accept_.in_flight() || backoff_.in_flight() || close_.in_flight() || held_close_.in_flight()) return;
  if (held_)
    return io_.close(held_close_, std::exchange(held_, io::Socket{}), io::then<&Listener::held_close_done>(this));
  io_.close(close_, socket_, io::then<&Listener::close_done>(this));
}

void Listener::held_close_done(io::Close&) { close_when_idle(); }

void Listener::close_done(io::Close&) { state_ = State::closed; }

}  // namespace cwtch::net
