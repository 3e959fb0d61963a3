#include "engine/io/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/io/sockets.hpp"

namespace cwtch::io {

Loop::Loop(const IoOptions& options, int wake)
    : wake_(wake),
      receive_memory_(options.receive_buffers, options.receive_buffer_bytes),
      buffers_free_(options.receive_buffers),
      workers_(options.workers_max, wake),
      now_ns_(SystemClock().monotonic_ns()) {
  CHECK(wake >= 0);
}

Loop::~Loop() {
  CHECK(!running_);
  CHECK(in_flight_count_ == 0);
  CHECK(buffers_free_ == receive_memory_.count());  // a Buffer must not outlive the memory it points to
  ::close(wake_);
}

// ---- what never waits ----

Result<Address> Loop::local_address(Socket socket) { return io::local_address(socket); }
bool Loop::peer_is_loopback(Socket socket) { return io::peer_is_loopback(socket); }

// Fails when the peer was quicker: then there is nothing to tell it.
void Loop::finish_sending(Socket socket) { static_cast<void>(::shutdown(socket.value, SHUT_WR)); }

void Loop::shutdown(Socket socket) {
  shutdown_in_kernel(socket.value);
  // A starved recv is unknown to the kernel.
  for (Operation* recv = starved_.empty() ? nullptr : &starved_.front(); recv != nullptr;) {
    Operation* const next = starved_.next(*recv);
    if (recv->handle_ == socket.value) {
      recv->unlink();
      complete(*recv, 0);
    }
    recv = next;
  }
}

// ---- operations ----

void Loop::begin(Operation& operation, int handle, Callback callback) {
  CHECK(!operation.in_flight_);
  CHECK(callback.run != nullptr);
  operation.in_flight_ = true;
  operation.callback_ = callback;
  operation.handle_ = handle;
  operation.result_ = 0;
  operation.stage_ = kKernel;
  ++in_flight_count_;
}

void Loop::complete(Operation& operation, int32_t result) {
  operation.result_ = result;
  operation.stage_ = kReady;
  ready_.push_back(operation);
}

void Loop::timer(Timer& operation, uint64_t after_ns, Callback callback) {
  begin(operation, -1, callback);
  operation.stage_ = kTimer;
  // Outside a turn the time of the last one may be long ago.
  const uint64_t now = running_ ? now_ns_ : SystemClock().monotonic_ns();
  operation.offset_ = after_ns < Timers::kNever - now ? now + after_ns : Timers::kNever;
  timers_.add(operation);
}

void Loop::work(Work& operation, void (*function)(void*), void* argument, Callback callback) {
  begin(operation, -1, callback);
  operation.function_ = function;
  operation.argument_ = argument;
  start_worker(operation);
}

void Loop::start_worker(Operation& operation) {
  operation.stage_ = kWorker;
  workers_.start(operation);
}

void Loop::cancel(Operation& operation) {
  if (!operation.in_flight_) return;
  switch (operation.stage_) {
    case kKernel:
      return cancel_in_kernel(operation);
    case kTimer:
      timers_.remove(operation);
      return complete(operation, -ECANCELED);
    case kStarved:
      operation.unlink();
      return complete(operation, -ECANCELED);
    default:  // what a worker has runs to its end; what is ready has happened
      return;
  }
}

// ---- receive memory ----

void Loop::starve(Operation& recv) {
  recv.stage_ = kStarved;
  starved_.push_back(recv);
}

Buffer Loop::make_buffer(uint32_t index, size_t size) {
  CHECK(buffers_free_ > 0);
  --buffers_free_;
  return {*this, receive_memory_.at(index), size};
}

void Loop::give_back(uint8_t* memory) {
  const uint32_t index = receive_memory_.index_of(memory);
  CHECK(buffers_free_ < receive_memory_.count());
  ++buffers_free_;
  buffer_returned(index);
}

// Those that have waited longest go first, one per free buffer. Another recv may be quicker: then it waits once more.
void Loop::feed_starved() {
  for (uint32_t count = buffers_free_; count > 0 && !starved_.empty(); --count) {
    Operation& recv = starved_.pop_front();
    recv.stage_ = kKernel;
    recv_again(recv);
  }
}

// ---- notification ----

void Loop::on_notify(void (*function)(void* owner), void* owner) {
  notified_function_ = function;
  notified_owner_ = owner;
}

// Whoever finds the flag clear sends a signal, and until it is taken further calls are part of the same notification.
// A message that waits in the queue of another Io goes out with that one's next turn, so only the same Io may rely on
// it: the flag says who sent what. Always an exchange, never a load: it hands over what the caller wrote before.
void Loop::notify(Io* from) {
  if (from != nullptr && from != this && can_notify_through(*from)) {
    const auto sender = reinterpret_cast<uintptr_t>(from);
    const uintptr_t before = notified_.exchange(sender, std::memory_order_acq_rel);
    if (before != sender && before != kSignalled) notify_through(*from);
    return;
  }
  const uintptr_t before = notified_.exchange(kSignalled, std::memory_order_acq_rel);
  // Our own thread needs no signal: turn() looks at the flag before it waits.
  if (before != kSignalled && from != this) signal();
}

void Loop::signal() { CHECK(eventfd_write(wake_, 1) == 0); }

// ---- the turn ----

void Loop::turn(bool wait) {
  CHECK(!running_);
  feed_starved();
  uint64_t timeout_ns = 0;
  if (wait && ready_.empty() && notified_.load(std::memory_order_relaxed) == 0) {
    timeout_ns = timers_.earliest();
    if (timeout_ns != Timers::kNever) {
      const uint64_t now = SystemClock().monotonic_ns();
      timeout_ns = timeout_ns > now ? timeout_ns - now : 0;
    }
  }
  kernel_turn(timeout_ns);
  now_ns_ = SystemClock().monotonic_ns();
  expire_timers();
  workers_.collect(ready_);

  running_ = true;
  run_notified();
  run_ready();
  running_ = false;
}

void Loop::expire_timers() {
  while (Operation* const timer = timers_.pop_due(now_ns_)) complete(*timer, 0);
}

void Loop::run_notified() {
  // Not an unconditional exchange: that would take the cache line from the notifiers in every turn.
  if (notified_.load(std::memory_order_relaxed) == 0 || notified_.exchange(0, std::memory_order_acq_rel) == 0) return;
  if (notified_function_ != nullptr) notified_function_(notified_owner_);
}

// Runs what is due now. What the callbacks start and is done at once belongs to the next turn: nobody keeps the loop.
void Loop::run_ready() {
  if (ready_.empty()) return;
  const Operation* const last = &ready_.back();
  for (bool more = true; more;) {
    Operation& operation = ready_.pop_front();
    more = &operation != last;
    CHECK(operation.in_flight_);
    operation.in_flight_ = false;
    --in_flight_count_;
    operation.callback_.run(operation.callback_.owner, operation);
  }
}

}  // namespace cwtch::io
