#include "engine/io/workers.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace cwtch::io {
namespace {

constexpr size_t kTransferBytesMax = 1u << 30;  // results are 32 bits; a longer transfer comes back short

template <class Call>
int32_t retry_interrupted(Call call) {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0) return static_cast<int32_t>(result);
    if (errno != EINTR) return -errno;
  }
}

int32_t write_blocking(Operation& operation) {
  const iovec bytes{operation.data_, std::min(operation.size_, kTransferBytesMax)};
  const int flags = operation.flags_ != 0 ? RWF_DSYNC : 0;
  const auto offset = static_cast<off_t>(operation.offset_);
  return retry_interrupted([&] { return ::pwritev2(operation.handle_, &bytes, 1, offset, flags); });
}

}  // namespace

int32_t run_blocking(Operation& operation) {
  switch (operation.kind_) {
    case Operation::Kind::work: {
      const Work& work = static_cast<Work&>(operation);
      work.function_(work.argument_);
      return 0;
    }
    case Operation::Kind::read:
      return retry_interrupted([&] {
        return ::pread(operation.handle_, operation.data_, std::min(operation.size_, kTransferBytesMax),
                       static_cast<off_t>(operation.offset_));
      });
    case Operation::Kind::write:
      return write_blocking(operation);
    case Operation::Kind::sync:
      return retry_interrupted([&] { return ::fdatasync(operation.handle_); });
    default:
      CHECK(false);
  }
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    CHECK(waiting_.empty());
    CHECK(done_.empty());
    stopping_ = true;
  }
  work_arrived_.notify_all();
  for (const pthread_t thread : threads_) CHECK(pthread_join(thread, nullptr) == 0);
}

void Workers::start(Operation& operation) {
  bool start_one = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(operation);
    waiting_count_ += 1;
    // An idle thread that was woken for an earlier operation still counts as idle: nobody may queue behind long work.
    start_one = waiting_count_ > idle_count_ && threads_.size() < threads_max_;
  }
  if (start_one && !start_thread() && threads_.empty()) {
    // The system refuses even one thread (a limit on processes). Late is better than never: do it here.
    {
      const std::lock_guard lock(mutex_);
      operation.unlink();
      waiting_count_ -= 1;
    }
    operation.result_ = run_blocking(operation);
    const std::lock_guard lock(mutex_);
    done_.push_back(operation);
    if (!any_done_.exchange(true)) CHECK(eventfd_write(wake_, 1) == 0);
    return;
  }
  work_arrived_.notify_one();
}

void Workers::collect(List<Operation>& done) {
  if (!any_done_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  any_done_.store(false, std::memory_order_relaxed);
  done.splice_back(done_);
}

bool Workers::start_thread() {
  // Signals are the business of whoever made the Io: a worker inherits a mask with all of them blocked.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const bool started = pthread_create(&thread, nullptr, thread_main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) return false;
  pthread_setname_np(thread, "io-worker");
  threads_.push_back(thread);
  return true;
}

void* Workers::thread_main(void* self) {
  static_cast<Workers*>(self)->serve();
  return nullptr;
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty() && !stopping_) {
      ++idle_count_;
      work_arrived_.wait(lock);
      --idle_count_;
    }
    if (waiting_.empty()) return;
    Operation& operation = waiting_.pop_front();
    waiting_count_ -= 1;
    lock.unlock();
    const int32_t result = run_blocking(operation);
    lock.lock();
    operation.result_ = result;
    done_.push_back(operation);
    // Several that finish before the Io looks cost one wake-up.
    if (!any_done_.exchange(true, std::memory_order_release)) CHECK(eventfd_write(wake_, 1) == 0);
  }
}

}  // namespace cwtch::io
