// What both back ends share: the queue of completions, timers, workers, notification, receive memory, and the calls on
// sockets that never wait. A back end adds how an operation reaches the kernel and comes back.
//
// Thread:  as in io.hpp: the thread that calls turn(); the constructor and calls that start nothing may run before it.
#pragma once

#include <atomic>

#include "engine/io/io.hpp"
#include "engine/io/receive_memory.hpp"
#include "engine/io/timers.hpp"
#include "engine/io/workers.hpp"

namespace cwtch::io {

class Loop : public Io, private BufferOwner {
 public:
  Loop(const IoOptions& options, int wake);  // takes the eventfd `wake`
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() override;

  Result<Address> local_address(Socket socket) final;
  bool peer_is_loopback(Socket socket) final;
  void finish_sending(Socket socket) final;
  void shutdown(Socket socket) final;
  uint64_t now_ns() const final { return now_ns_; }
  void timer(Timer& operation, uint64_t after_ns, Callback callback) final;
  void work(Work& operation, void (*function)(void*), void* argument, Callback callback) final;
  void cancel(Operation& operation) final;
  void notify(Io* from) final;
  void on_notify(void (*function)(void* owner), void* owner) final;
  void turn(bool wait) final;

 protected:
  // Where an operation in flight is; kept in Operation::stage_.
  enum Stage : uint8_t {
    kKernel,   // the kernel has it, or will be given it
    kNotice,   // a zero-copy send that was sent: its bytes are not ours yet
    kStarved,  // a recv waits for a buffer
    kTimer,    // in timers_
    kWorker,   // with the workers
    kReady,    // its callback is due
  };
  static constexpr size_t kTransferBytesMax = 1u << 30;  // results are 32 bits; a longer transfer comes back short

  // ---- a back end implements these ----
  // Submits, waits up to `timeout_ns` for something to happen (0: does not wait; Timers::kNever: as long as it takes),
  // and hands every completion to complete().
  virtual void kernel_turn(uint64_t timeout_ns) = 0;
  virtual void shutdown_in_kernel(int socket) = 0;
  virtual void cancel_in_kernel(Operation& operation) = 0;  // stage is kKernel
  virtual void recv_again(Operation& recv) = 0;             // it was starved, now a buffer is free
  virtual void buffer_returned(uint32_t index) = 0;
  // Whether `from` could signal this Io along with what it submits next; any thread. Then, from the thread of `from`:
  virtual bool can_notify_through(const Io& from) const = 0;
  virtual void notify_through(Io& from) = 0;

  // ---- a back end calls these ----
  void begin(Operation& operation, int handle, Callback callback);
  void complete(Operation& operation, int32_t result);
  void starve(Operation& recv);  // no buffer is free
  void start_worker(Operation& operation);
  Buffer make_buffer(uint32_t index, size_t size);  // `index` is no longer free
  void signal();                                    // wakes this Io; any thread
  int wake() const { return wake_; }
  const ReceiveMemory& receive_memory() const { return receive_memory_; }
  uint32_t buffers_free() const { return buffers_free_; }

 private:
  void give_back(uint8_t* memory) final;
  void feed_starved();
  void expire_timers();
  void run_notified();
  void run_ready();

  static constexpr uintptr_t kSignalled = 1;

  const int wake_;
  ReceiveMemory receive_memory_;
  uint32_t buffers_free_;
  Timers timers_;
  Workers workers_;
  List<Operation> ready_;
  List<Operation> starved_;
  uint64_t now_ns_;
  size_t in_flight_count_ = 0;
  bool running_ = false;  // callbacks are being run
  // 0, kSignalled when the eventfd was written, or the address of the Io that has a message for us in its queue.
  std::atomic<uintptr_t> notified_ = 0;
  void (*notified_function_)(void*) = nullptr;
  void* notified_owner_ = nullptr;
};

}  // namespace cwtch::io
