// Threads for what may block: functions given to Io::work, and file operations where the kernel has no other way.
//
// Thread:  start() and collect() are called by the Io's thread; run() happens on the workers.
// Bound:   `threads_max` threads, started one by one when there is work and none is idle. What they have not taken yet
//          waits in a list through the operations themselves: it needs no memory, and cannot be longer than the
//          operations that exist.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "engine/io/operation.hpp"

namespace cwtch::io {

class Workers {
 public:
  // Writes to the eventfd `wake` when something is done. It must outlive the workers.
  Workers(uint32_t threads_max, int wake) : threads_max_(threads_max), wake_(wake) {}
  ~Workers();  // REQUIRES: everything started was collected

  void start(Operation& operation);
  // Moves what is done, with its result, to the end of `done`.
  void collect(List<Operation>& done);

 private:
  static void* thread_main(void* self);
  void serve();
  bool start_thread();

  const uint32_t threads_max_;
  const int wake_;
  std::vector<pthread_t> threads_;
  std::atomic<bool> any_done_ = false;  // lets collect() pass without taking the lock

  std::mutex mutex_;  // guards what follows
  std::condition_variable work_arrived_;
  List<Operation> waiting_;
  List<Operation> done_;
  uint32_t waiting_count_ = 0;
  uint32_t idle_count_ = 0;
  bool stopping_ = false;
};

// The operation, done by blocking calls: result or negative errno. EINTR is retried.
int32_t run_blocking(Operation& operation);

}  // namespace cwtch::io
