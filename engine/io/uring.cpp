#include "engine/io/uring.hpp"

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "engine/io/loop.hpp"
#include "engine/io/sockets.hpp"

namespace cwtch::io {
namespace {

constexpr const char* kName = "uring";
constexpr uint16_t kBufferGroup = 0;

// What an entry carries and its completion brings back. An address is that of an Operation; with kNotifyFailed that of
// the Io which was to be notified. The small numbers are our own.
enum UserData : uint64_t { kWake = 8, kMessage = 16, kIgnored = 24, kUserDataMax = 24 };
constexpr uint64_t kNotifyFailed = 1;
static_assert(alignof(Operation) >= 8);

// Operation::flags_ of a send.
constexpr uint8_t kMore = 1;
constexpr uint8_t kZeroCopy = 2;
// Of a recv, about the one before it on the same operation.
constexpr uint8_t kMoreToReceive = 1;

class UringIo final : public Loop {
 public:
  UringIo(const IoOptions& options, const UringReport& report, int wake);
  ~UringIo() override;
  Status open(const IoOptions& options, const UringReport& report);

  Result<Socket> listen(const Address& address, const ListenOptions& options) override {
    return open_listener(address, options, false);
  }
  void accept(Accept& operation, Socket listener, Callback callback) override;
  void connect(Connect& operation, const Address& address, Callback callback) override;
  void recv(Recv& operation, Socket socket, Callback callback) override;
  void send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) override;
  void poll(Poll& operation, Socket socket, PollFor what, Callback callback) override;
  void close(Close& operation, Socket socket, Callback callback) override;
  void read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) override;
  void write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) override;
  void sync(Sync& operation, File file, Callback callback) override;
  const char* name() const override { return kName; }

 private:
  // Loop
  void kernel_turn(uint64_t timeout_ns) override;
  void shutdown_in_kernel(int socket) override;
  void cancel_in_kernel(Operation& operation) override;
  void recv_again(Operation& recv) override { submit(recv); }
  void buffer_returned(uint32_t index) override;
  bool can_notify_through(const Io& from) const override;
  void notify_through(Io& from) override;

  Status register_buffers();
  void enable();
  io_uring_sqe* entry();
  void submit(Operation& operation);
  void arm_wake();
  // Never takes an entry: entry() may be what calls it.
  void collect();
  void completed(const io_uring_cqe& completion);
  void completed_ours(const io_uring_cqe& completion);
  void recv_completed(Recv& recv, int32_t result, uint32_t flags);
  void send_completed(Operation& send, int32_t result, uint32_t flags);
  void connect_completed(Operation& connect, int32_t result);

  const bool can_message_;    // MSG_RING
  const bool can_zero_copy_;  // SEND_ZC
  io_uring ring_{};
  bool open_ = false;
  std::atomic<bool> enabled_ = false;  // other rings ask before they send a message
  AlignedMemory buffers_memory_;
  io_uring_buf_ring* buffers_ = nullptr;
  List<Operation> again_;  // interrupted, or failed for a reason that is nobody's business: submitted in the next turn
  List<Operation> noticed_;  // zero-copy sends that wait for their notice
  bool wake_armed_ = false;  // a read of the eventfd is in the kernel
  uint64_t wake_count_ = 0;  // where it reads to
};

// ---- making and ending ----

UringIo::UringIo(const IoOptions& options, const UringReport& report, int wake)
    : Loop(options, wake),
      can_message_(report.has(Feature::Kind::operation, IORING_OP_MSG_RING) &&
                   report.has(Feature::Kind::feature, kFeatureRegRegRing)),
      can_zero_copy_(report.has(Feature::Kind::operation, IORING_OP_SEND_ZC)) {}

Status UringIo::open(const IoOptions& options, const UringReport& report) {
  // Disabled at first: the ring belongs to the thread that enables it, which need not be the one that makes it.
  io_uring_params params{};
  params.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;
  if (report.has(Feature::Kind::setup, IORING_SETUP_DEFER_TASKRUN)) {
    params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  } else if (report.has(Feature::Kind::setup, IORING_SETUP_COOP_TASKRUN)) {
    params.flags |= IORING_SETUP_COOP_TASKRUN;
  }
  if (const int error = io_uring_queue_init_params(options.entries, &ring_, &params); error != 0) {
    return fail(refused_uring(-error).refusal);
  }
  open_ = true;
  // A child made by fork must not share the queues.
  io_uring_ring_dontfork(&ring_);
  return register_buffers();
}

Status UringIo::register_buffers() {
  const uint32_t count = receive_memory().count();
  buffers_memory_ = AlignedMemory(count * sizeof(io_uring_buf));
  std::memset(buffers_memory_.data(), 0, buffers_memory_.size());
  buffers_ = reinterpret_cast<io_uring_buf_ring*>(buffers_memory_.data());
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uintptr_t>(buffers_);
  registration.ring_entries = count;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error != 0) {
    return fail_errno(-error, "io_uring: register the buffer ring");
  }
  for (uint32_t index = 0; index < count; ++index) buffer_returned(index);
  return {};
}

UringIo::~UringIo() {
  CHECK(again_.empty());
  if (open_) {
    // A message to another ring may still be on its way: notify() has promised it.
    if (enabled_ && io_uring_sq_ready(&ring_) > 0) io_uring_submit(&ring_);
    io_uring_queue_exit(&ring_);
  }
}

void UringIo::enable() {
  if (enabled_.load(std::memory_order_relaxed)) return;
  // io_uring_enable_rings() by hand: liburing 2.3 declares it and does not export it.
  CHECK(io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
  enabled_.store(true, std::memory_order_release);
}

// EBUSY and EAGAIN: no memory for more requests; what was not taken stays queued. EINTR: a signal, whose handler may
// have something to say to whoever turns us. Anything else is a mistake of ours, such as a second thread.
void check_entered(int result) {
  CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN);
}

// ---- starting operations ----

io_uring_sqe* UringIo::entry() {
  io_uring_sqe* next = io_uring_get_sqe(&ring_);
  while (next == nullptr) {
    // Full: hand over what there is; nobody's callback runs. The kernel declines while it has no memory for more
    // requests; taking its completions is what helps.
    enable();
    check_entered(io_uring_submit(&ring_));
    collect();
    next = io_uring_get_sqe(&ring_);
  }
  return next;
}

void UringIo::submit(Operation& operation) {
  io_uring_sqe* const sqe = entry();
  const int handle = operation.handle_;
  const auto size = static_cast<uint32_t>(std::min(operation.size_, kTransferBytesMax));
  switch (operation.kind_) {
    case Operation::Kind::accept:
      io_uring_prep_accept(sqe, handle, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      break;
    case Operation::Kind::connect:
      io_uring_prep_poll_add(sqe, handle, POLLOUT);
      break;
    case Operation::Kind::recv:
      io_uring_prep_recv(sqe, handle, nullptr, receive_memory().size(), 0);
      sqe->flags |= IOSQE_BUFFER_SELECT;
      sqe->buf_group = kBufferGroup;
      // Mostly the next request is not there yet, and looking for it first would be in vain: 5 to 7 % of a ping-pong.
      if ((operation.flags_ & kMoreToReceive) == 0) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
      break;
    case Operation::Kind::send: {
      const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | ((operation.flags_ & kMore) != 0 ? MSG_MORE : 0);
      if ((operation.flags_ & kZeroCopy) != 0) {
        io_uring_prep_send_zc(sqe, handle, operation.data_, size, flags, 0);
      } else {
        io_uring_prep_send(sqe, handle, operation.data_, size, flags);
      }
      break;
    }
    case Operation::Kind::poll:
      io_uring_prep_poll_add(sqe, handle, operation.flags_);
      break;
    case Operation::Kind::close:
      io_uring_prep_close(sqe, handle);
      break;
    case Operation::Kind::read:
      io_uring_prep_read(sqe, handle, operation.data_, size, operation.offset_);
      break;
    case Operation::Kind::write:
      io_uring_prep_write(sqe, handle, operation.data_, size, operation.offset_);
      sqe->rw_flags = operation.flags_ != 0 ? RWF_DSYNC : 0;
      break;
    case Operation::Kind::sync:
      io_uring_prep_fsync(sqe, handle, IORING_FSYNC_DATASYNC);
      break;
    case Operation::Kind::timer:
    case Operation::Kind::work:
      CHECK(false);  // Loop's own
  }
  io_uring_sqe_set_data(sqe, &operation);
}

void UringIo::arm_wake() {
  if (wake_armed_) return;
  wake_armed_ = true;
  io_uring_sqe* const sqe = entry();
  io_uring_prep_read(sqe, wake(), &wake_count_, sizeof wake_count_, 0);
  io_uring_sqe_set_data64(sqe, kWake);
}

void UringIo::accept(Accept& operation, Socket listener, Callback callback) {
  begin(operation, listener.value, callback);
  submit(operation);
}

void UringIo::connect(Connect& operation, const Address& address, Callback callback) {
  // The call itself does not wait, and an entry would need the address to live until it is submitted.
  const Connecting connecting = connect_start(address);
  begin(operation, connecting.socket, callback);
  if (connecting.done) return complete(operation, connecting.socket);
  submit(operation);
}

void UringIo::recv(Recv& operation, Socket socket, Callback callback) {
  begin(operation, socket.value, callback);
  operation.buffer.reset();
  submit(operation);
}

void UringIo::send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) {
  begin(operation, socket.value, callback);
  operation.data_ = const_cast<uint8_t*>(bytes.data());
  operation.size_ = bytes.size();
  operation.flags_ = 0;
  if (flags.more) operation.flags_ |= kMore;
  if (flags.zero_copy && can_zero_copy_) operation.flags_ |= kZeroCopy;
  submit(operation);
}

void UringIo::poll(Poll& operation, Socket socket, PollFor what, Callback callback) {
  begin(operation, socket.value, callback);
  operation.flags_ = what == PollFor::readable ? POLLIN : POLLOUT;
  submit(operation);
}

void UringIo::close(Close& operation, Socket socket, Callback callback) {
  begin(operation, socket.value, callback);
  submit(operation);
}

void UringIo::read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) {
  begin(operation, file.value, callback);
  operation.data_ = to.data();
  operation.size_ = to.size();
  operation.offset_ = offset;
  submit(operation);
}

void UringIo::write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) {
  begin(operation, file.value, callback);
  operation.data_ = const_cast<uint8_t*>(bytes.data());
  operation.size_ = bytes.size();
  operation.offset_ = offset;
  operation.flags_ = durable ? 1 : 0;
  submit(operation);
}

void UringIo::sync(Sync& operation, File file, Callback callback) {
  begin(operation, file.value, callback);
  submit(operation);
}

void UringIo::shutdown_in_kernel(int socket) {
  shutdown_both(socket);
  // The bytes of a zero-copy send come back when the peer has acknowledged them, and a peer that has stopped reading
  // never does. Its connection ends anyway: drop them.
  for (Operation* send = noticed_.empty() ? nullptr : &noticed_.front(); send != nullptr; send = noticed_.next(*send)) {
    if (send->handle_ == socket) return disconnect(socket);
  }
}

void UringIo::cancel_in_kernel(Operation& operation) {
  if (operation.linked()) {  // in again_: not in the kernel at the moment
    operation.unlink();
    return complete(operation, -ECANCELED);
  }
  // Entries are taken in order, so the operation is known to the kernel before it is looked for. It may have completed
  // by then, which is as good.
  io_uring_sqe* const sqe = entry();
  io_uring_prep_cancel(sqe, &operation, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, kIgnored);
}

void UringIo::buffer_returned(uint32_t index) {
  io_uring_buf_ring_add(buffers_, receive_memory().at(index), receive_memory().size(), static_cast<uint16_t>(index),
                        io_uring_buf_ring_mask(receive_memory().count()), 0);
  io_uring_buf_ring_advance(buffers_, 1);
}

bool UringIo::can_notify_through(const Io& from) const {
  // Only two rings have the same name() pointer. One that is not enabled yet refuses messages.
  return from.name() == kName && can_message_ && enabled_.load(std::memory_order_acquire);
}

void UringIo::notify_through(Io& from) {
  io_uring_sqe* const sqe = static_cast<UringIo&>(from).entry();
  io_uring_prep_msg_ring(sqe, ring_.ring_fd, 0, kMessage, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, reinterpret_cast<uintptr_t>(this) | kNotifyFailed);
}

// ---- completions ----

void UringIo::kernel_turn(uint64_t timeout_ns) {
  enable();
  arm_wake();
  while (!again_.empty()) submit(again_.pop_front());
  int result;
  if (timeout_ns == 0) {
    result = io_uring_submit_and_get_events(&ring_);
  } else if (timeout_ns == Timers::kNever) {
    result = io_uring_submit_and_wait(&ring_, 1);
  } else {
    __kernel_timespec timeout{static_cast<int64_t>(timeout_ns / kSecond), static_cast<int64_t>(timeout_ns % kSecond)};
    io_uring_cqe* first;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  check_entered(result);
  collect();
}

void UringIo::collect() {
  unsigned head;
  unsigned count = 0;
  io_uring_cqe* completion;
  io_uring_for_each_cqe(&ring_, head, completion) {
    completed(*completion);
    ++count;
  }
  io_uring_cq_advance(&ring_, count);
}

void UringIo::completed(const io_uring_cqe& completion) {
  if (completion.user_data <= kUserDataMax || (completion.user_data & kNotifyFailed) != 0) {
    return completed_ours(completion);
  }
  Operation& operation = *reinterpret_cast<Operation*>(completion.user_data);
  const int32_t result = completion.res;
  // Not a close, which has happened however it ends.
  if (result == -EINTR && operation.kind_ != Operation::Kind::close) return again_.push_back(operation);
  switch (operation.kind_) {
    case Operation::Kind::recv:
      return recv_completed(static_cast<Recv&>(operation), result, completion.flags);
    case Operation::Kind::send:
      return send_completed(operation, result, completion.flags);
    case Operation::Kind::connect:
      return connect_completed(operation, result);
    case Operation::Kind::accept:
      if (accept_should_retry(result)) return again_.push_back(operation);
      return complete(operation, result);
    default:
      return complete(operation, result);
  }
}

void UringIo::completed_ours(const io_uring_cqe& completion) {
  switch (completion.user_data) {
    case kWake:
      wake_armed_ = false;
      return;
    case kMessage:
    case kIgnored:
      return;
    default:
      break;
  }
  // A message that was not delivered. EBADF and EBADFD: the other ring is gone, or was never there; nothing to wake.
  // Otherwise its queue had no room and no memory: the eventfd needs neither.
  if (completion.res == -EBADF || completion.res == -EBADFD) return;
  reinterpret_cast<UringIo*>(completion.user_data & ~kNotifyFailed)->signal();
}

void UringIo::recv_completed(Recv& recv, int32_t result, uint32_t flags) {
  recv.flags_ = (flags & IORING_CQE_F_SOCK_NONEMPTY) != 0 ? kMoreToReceive : 0;
  if (result == -ENOBUFS) {
    recv.flags_ = kMoreToReceive;
    return starve(recv);
  }
  if ((flags & IORING_CQE_F_BUFFER) != 0) {
    Buffer buffer = make_buffer(flags >> IORING_CQE_BUFFER_SHIFT, static_cast<size_t>(std::max(result, 0)));
    if (result > 0) recv.buffer = std::move(buffer);
  }
  complete(recv, result);
}

void UringIo::send_completed(Operation& send, int32_t result, uint32_t flags) {
  if ((flags & IORING_CQE_F_MORE) != 0) {  // zero copy: a second completion says when the bytes are ours again
    send.stage_ = kNotice;
    send.result_ = result;
    noticed_.push_back(send);
    return;
  }
  if (send.stage_ == kNotice) {
    send.unlink();
    result = send.result_;
  }
  if (result == -EOPNOTSUPP && (send.flags_ & kZeroCopy) != 0) {  // a socket that cannot, a UNIX one: copy
    send.flags_ &= static_cast<uint8_t>(~kZeroCopy);
    send.stage_ = kKernel;
    return again_.push_back(send);
  }
  complete(send, result);
}

void UringIo::connect_completed(Operation& connect, int32_t result) {
  if (result >= 0) result = connect_result(connect.handle_);
  if (result == 0) return complete(connect, connect.handle_);
  ::close(connect.handle_);
  complete(connect, result);
}

}  // namespace

Result<std::unique_ptr<Io>> make_uring(const IoOptions& options) { return make_uring(options, probe_uring()); }

Result<std::unique_ptr<Io>> make_uring(const IoOptions& options, const UringReport& report) {
  if (!report.usable) return fail(report.refusal);
  const int wake = ::eventfd(0, EFD_CLOEXEC);  // blocking: the ring waits for it by itself
  if (wake < 0) return fail_errno(errno, "io_uring: eventfd");
  auto io = std::make_unique<UringIo>(options, report, wake);
  if (const Status status = io->open(options, report); !status) return fail(status.error());
  return io;
}

}  // namespace cwtch::io
