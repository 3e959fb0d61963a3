#include "engine/io/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace cwtch::io {

int Loop::make_eventfd() {
  const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(descriptor >= 0);
  return descriptor;
}

Loop::Loop(const IoOptions& options)
    : now_ns_(clock_.monotonic_ns()), wake_(make_eventfd()), workers_(options.workers_max, wake_) {}

Loop::~Loop() {
  CHECK(ready_.empty() && timers_.earliest() == Timers::kNever);
  ::close(wake_);
}

void Loop::begin(Operation& operation, Callback callback, int32_t handle) {
  CHECK(!operation.in_flight_ && callback.run != nullptr);
  operation.in_flight_ = true;
  operation.callback_ = callback;
  operation.handle_ = handle;
  operation.result_ = 0;
  operation.flags_ = 0;
  operation.stage_ = 0;
}

void Loop::complete(Operation& operation, int32_t result) {
  operation.result_ = result;
  ready_.push_back(operation);
}

void Loop::timer(Timer& operation, uint64_t after_ns, Callback callback) {
  begin(operation, callback, -1);
  operation.offset_ = now_ns_ + after_ns;
  timers_.add(operation);
}

uint64_t Loop::until_timer() const {
  const uint64_t earliest = timers_.earliest();
  if (earliest == Timers::kNever) return UINT64_MAX;
  return earliest > now_ns_ ? earliest - now_ns_ : 0;
}

void Loop::expire_timers() {
  while (Operation* const due = timers_.pop_due(now_ns_)) complete(*due, 0);
}

bool Loop::cancel_timer(Operation& operation) {
  if (operation.kind_ != Operation::Kind::timer) return false;
  if (!operation.linked()) {  // neither expired nor cancelled yet
    timers_.remove(operation);
    complete(operation, -ECANCELED);
  }
  return true;
}

void Loop::work(Work& operation, void (*function)(void*), void* argument, Callback callback) {
  begin(operation, callback, -1);
  operation.function_ = function;
  operation.argument_ = argument;
  workers_.start(operation);
}

void Loop::on_notify(void (*function)(void*), void* owner) {
  notify_function_ = function;
  notify_owner_ = owner;
}

void Loop::wake() { CHECK(::eventfd_write(wake_, 1) == 0 || errno == EAGAIN); }

void Loop::woken() { workers_.collect(ready_); }

void Loop::run_callbacks() {
  List<Operation> now;
  now.splice_back(ready_);
  while (!now.empty()) {
    Operation& operation = now.pop_front();
    operation.in_flight_ = false;
    operation.callback_.run(operation.callback_.owner, operation);
  }
  if (notified_.exchange(false, std::memory_order_acq_rel) && notify_function_ != nullptr)
    notify_function_(notify_owner_);
}

}  // namespace cwtch::io
