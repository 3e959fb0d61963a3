#include "engine/io/uring.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "engine/io/features.hpp"
#include "engine/io/loop.hpp"
#include "engine/io/sockets.hpp"

namespace cwtch::io {
namespace {

constexpr const char* kName = "uring";
constexpr uint32_t kBatch = 256;
constexpr size_t kTransferBytesMax = 1u << 30;
constexpr int kBufferGroup = 0;
constexpr uint32_t kCompletionsPerEntry = 4;  // a burst of completions must not overflow into slow paths

// user_data of completions that are not an operation's. Operations are aligned, so their addresses are larger.
enum Tag : uint64_t { kIgnored = 1, kWoken = 2, kNotified = 3 };

class UringIo final : public Loop, private BufferOwner {
 public:
  explicit UringIo(const IoOptions& options)
      : Loop(options), options_(options), buffers_(options.receive_buffers, options.receive_buffer_bytes) {}
  ~UringIo() override;
  Status set_up();

  Result<Socket> listen(const Address& address, const ListenOptions& options) override {
    return open_listener(address, options, false);
  }
  Result<Address> local_address(Socket socket) override { return io::local_address(socket); }
  bool peer_is_loopback(Socket socket) override { return io::peer_is_loopback(socket); }
  void accept(Accept& operation, Socket listener, Callback callback) override;
  void connect(Connect& operation, const Address& address, Callback callback) override;
  void recv(Recv& operation, Socket socket, Callback callback) override;
  void send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) override;
  void poll(Poll& operation, Socket socket, PollFor what, Callback callback) override;
  void shutdown(Socket socket) override { ::shutdown(socket.value, SHUT_RDWR); }
  void close(Close& operation, Socket socket, Callback callback) override;
  void read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) override;
  void write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) override;
  void sync(Sync& operation, File file, Callback callback) override;
  void cancel(Operation& operation) override;
  void notify(Io* from) override;
  void turn(bool wait) override;
  const char* name() const override { return kName; }

 private:
  io_uring_sqe* entry(const Operation& operation);
  io_uring_sqe* entry(Tag tag);
  io_uring_sqe* free_entry();
  void submit(Operation& operation);  // or again
  void arm_wake();
  void enable();
  void completed(uint64_t user_data, int32_t result, uint32_t flags);
  void operation_completed(Operation& operation, int32_t result, uint32_t flags);
  void give_back(uint8_t* memory) override;

  const IoOptions options_;
  io_uring ring_{};
  bool ring_open_ = false;
  bool enabled_ = false;
  ReceiveMemory buffers_;
  AlignedMemory buffer_ring_memory_;
  io_uring_buf_ring* buffer_ring_ = nullptr;
  uint32_t buffers_out_ = 0;
  List<Operation> starved_;  // receives that found no buffer
  uint64_t wake_value_ = 0;
};

// A ring belongs to the thread that enables it, not to the one that makes it: an Io may be made by the main thread and
// used by its shard's.
constexpr unsigned kSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                                 IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED;

Status UringIo::set_up() {
  io_uring_params parameters{};
  parameters.flags = kSetupFlags;
  parameters.cq_entries = options_.entries * kCompletionsPerEntry;
  if (const int error = io_uring_queue_init_params(options_.entries, &ring_, &parameters); error < 0)
    return fail(refusal(-error));
  ring_open_ = true;
  if (const Status features = check_features(ring_.ring_fd); !features) return features;

  const uint32_t count = options_.receive_buffers;
  CHECK(std::has_single_bit(count));
  buffer_ring_memory_ = AlignedMemory(count * sizeof(io_uring_buf));
  std::memset(buffer_ring_memory_.data(), 0, buffer_ring_memory_.size());
  buffer_ring_ = reinterpret_cast<io_uring_buf_ring*>(buffer_ring_memory_.data());
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffer_ring_);
  registration.ring_entries = count;
  registration.bgid = kBufferGroup;
  if (const int error = io_uring_register_buf_ring(&ring_, &registration, 0); error < 0) return fail(refusal(-error));
  io_uring_buf_ring_init(buffer_ring_);
  for (uint32_t i = 0; i < count; ++i)
    io_uring_buf_ring_add(buffer_ring_, buffers_.at(i), buffers_.bytes(), static_cast<unsigned short>(i),
                          io_uring_buf_ring_mask(count), static_cast<int>(i));
  io_uring_buf_ring_advance(buffer_ring_, static_cast<int>(count));
  return {};
}

UringIo::~UringIo() {
  CHECK(buffers_out_ == 0 && starved_.empty());
  if (ring_open_) io_uring_queue_exit(&ring_);
}

void UringIo::enable() {
  if (std::exchange(enabled_, true)) return;
  CHECK(::syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) == 0);
  io_uring_register_ring_fd(&ring_);  // saves a descriptor look-up per call; its failure costs only that
  arm_wake();
}

io_uring_sqe* UringIo::free_entry() {
  if (io_uring_sqe* const sqe = io_uring_get_sqe(&ring_)) return sqe;
  enable();
  io_uring_submit(&ring_);
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
  CHECK(sqe != nullptr);
  return sqe;
}

io_uring_sqe* UringIo::entry(const Operation& operation) {
  io_uring_sqe* const sqe = free_entry();
  // The prep functions clear user_data only in newer versions of the library; it is set again after them.
  sqe->user_data = reinterpret_cast<uint64_t>(&operation);
  return sqe;
}

io_uring_sqe* UringIo::entry(Tag tag) {
  io_uring_sqe* const sqe = free_entry();
  sqe->user_data = tag;
  return sqe;
}

void UringIo::arm_wake() {
  io_uring_sqe* const sqe = entry(kWoken);
  io_uring_prep_poll_add(sqe, wake_descriptor(), POLLIN);
  sqe->user_data = kWoken;
}

// Puts the operation into the ring, from what is in it: also again, after EINTR or a missing buffer.
void UringIo::submit(Operation& operation) {
  io_uring_sqe* const sqe = entry(operation);
  const auto size = static_cast<unsigned>(std::min(operation.size_, kTransferBytesMax));
  switch (operation.kind_) {
    case Operation::Kind::accept:
      io_uring_prep_accept(sqe, operation.handle_, nullptr, nullptr, SOCK_CLOEXEC);
      break;
    case Operation::Kind::connect:
      io_uring_prep_poll_add(sqe, operation.handle_, POLLOUT);
      break;
    case Operation::Kind::recv:
      io_uring_prep_recv(sqe, operation.handle_, nullptr, 0, 0);
      sqe->flags |= IOSQE_BUFFER_SELECT;
      sqe->buf_group = kBufferGroup;
      sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;  // the next request is hardly ever there yet
      break;
    case Operation::Kind::send: {
      const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | ((operation.flags_ & 1) != 0 ? MSG_MORE : 0);
      if ((operation.flags_ & 2) != 0) {
        io_uring_prep_send_zc(sqe, operation.handle_, operation.data_, size, flags, 0);
      } else {
        io_uring_prep_send(sqe, operation.handle_, operation.data_, size, flags);
      }
      break;
    }
    case Operation::Kind::poll:
      io_uring_prep_poll_add(sqe, operation.handle_, operation.flags_ == 0 ? POLLIN : POLLOUT);
      break;
    case Operation::Kind::close:
      io_uring_prep_close(sqe, operation.handle_);
      break;
    case Operation::Kind::read:
      io_uring_prep_read(sqe, operation.handle_, operation.data_, size, operation.offset_);
      break;
    case Operation::Kind::write:
      io_uring_prep_write(sqe, operation.handle_, operation.data_, size, operation.offset_);
      if (operation.flags_ != 0) sqe->rw_flags = RWF_DSYNC;
      break;
    case Operation::Kind::sync:
      io_uring_prep_fsync(sqe, operation.handle_, IORING_FSYNC_DATASYNC);
      break;
    case Operation::Kind::timer:
    case Operation::Kind::work:
      CHECK(false);
  }
  sqe->user_data = reinterpret_cast<uint64_t>(&operation);
}

void UringIo::accept(Accept& operation, Socket listener, Callback callback) {
  begin(operation, callback, listener.value);
  submit(operation);
}

void UringIo::connect(Connect& operation, const Address& address, Callback callback) {
  const Connecting connecting = connect_start(address);
  begin(operation, callback, connecting.socket);
  if (connecting.socket < 0) return complete(operation, connecting.socket);
  // The ring waits by itself; a non-blocking socket would make it give up at once.
  ::fcntl(connecting.socket, F_SETFL, ::fcntl(connecting.socket, F_GETFL) & ~O_NONBLOCK);
  if (connecting.done) return complete(operation, connecting.socket);
  submit(operation);
}

void UringIo::recv(Recv& operation, Socket socket, Callback callback) {
  CHECK(!operation.buffer);
  begin(operation, callback, socket.value);
  submit(operation);
}

void UringIo::send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) {
  begin(operation, callback, socket.value);
  operation.data_ = const_cast<uint8_t*>(bytes.data());
  operation.size_ = bytes.size();
  operation.flags_ = static_cast<uint8_t>((flags.more ? 1 : 0) | (flags.zero_copy ? 2 : 0));
  submit(operation);
}

void UringIo::poll(Poll& operation, Socket socket, PollFor what, Callback callback) {
  begin(operation, callback, socket.value);
  operation.flags_ = what == PollFor::writable ? 1 : 0;
  submit(operation);
}

void UringIo::close(Close& operation, Socket socket, Callback callback) {
  begin(operation, callback, socket.value);
  submit(operation);
}

void UringIo::read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) {
  begin(operation, callback, file.value);
  operation.data_ = to.data();
  operation.size_ = to.size();
  operation.offset_ = offset;
  submit(operation);
}

void UringIo::write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) {
  begin(operation, callback, file.value);
  operation.data_ = const_cast<uint8_t*>(bytes.data());
  operation.size_ = bytes.size();
  operation.offset_ = offset;
  operation.flags_ = durable ? 1 : 0;
  submit(operation);
}

void UringIo::sync(Sync& operation, File file, Callback callback) {
  begin(operation, callback, file.value);
  submit(operation);
}

void UringIo::cancel(Operation& operation) {
  if (!operation.in_flight() || cancel_timer(operation)) return;
  if (operation.linked()) {
    // A starved receive, or one that is done already and waits for its callback; the latter keeps its result.
    if (operation.kind_ == Operation::Kind::recv && operation.stage_ == 1) {
      operation.unlink();
      operation.stage_ = 0;
      complete(operation, -ECANCELED);
    }
    return;
  }
  io_uring_sqe* const sqe = entry(kIgnored);
  io_uring_prep_cancel(sqe, &operation, 0);
  sqe->user_data = kIgnored;
}

void UringIo::notify(Io* from) {
  if (!notify_first()) return;
  if (from == nullptr || from == this || from->name() != kName) return wake();
  // From ring to ring: the message goes out with the other's next submission, without a system call of its own.
  auto& other = static_cast<UringIo&>(*from);
  io_uring_sqe* const sqe = other.entry(kIgnored);
  io_uring_prep_msg_ring(sqe, ring_.ring_fd, 0, kNotified, 0);
  sqe->user_data = kIgnored;
}

void UringIo::give_back(uint8_t* memory) {
  const uint32_t index = buffers_.index(memory);
  io_uring_buf_ring_add(buffer_ring_, buffers_.at(index), buffers_.bytes(), static_cast<unsigned short>(index),
                        io_uring_buf_ring_mask(buffers_.count()), 0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
  buffers_out_ -= 1;
  if (!starved_.empty()) {
    Operation& operation = starved_.pop_front();
    operation.stage_ = 0;
    submit(operation);
  }
}

void UringIo::operation_completed(Operation& operation, int32_t result, uint32_t flags) {
  switch (operation.kind_) {
    case Operation::Kind::recv:
      if ((flags & IORING_CQE_F_BUFFER) != 0) {
        buffers_out_ += 1;
        Buffer buffer(*this, buffers_.at(flags >> IORING_CQE_BUFFER_SHIFT),
                      result > 0 ? static_cast<size_t>(result) : 0);
        if (result > 0) static_cast<Recv&>(operation).buffer = std::move(buffer);
      }
      if (result == -ENOBUFS) {
        operation.stage_ = 1;
        starved_.push_back(operation);
        return;
      }
      break;
    case Operation::Kind::send:
      if ((operation.flags_ & 2) != 0) {
        if ((flags & IORING_CQE_F_NOTIF) != 0) return complete(operation, operation.result_);
        operation.result_ = result;
        if ((flags & IORING_CQE_F_MORE) != 0) return;  // the kernel still holds the bytes
      }
      break;
    case Operation::Kind::connect: {
      const int error = result < 0 ? result : connect_result(operation.handle_);
      if (error < 0) ::close(operation.handle_);
      return complete(operation, error < 0 ? error : operation.handle_);
    }
    case Operation::Kind::accept:
      if (accept_should_retry(result)) return submit(operation);
      break;
    case Operation::Kind::close:
      return complete(operation, 0);  // whatever close(2) says, the descriptor is gone
    default:
      break;
  }
  if (result == -EINTR || (result == -EAGAIN && operation.kind_ != Operation::Kind::send)) return submit(operation);
  complete(operation, result);
}

void UringIo::completed(uint64_t user_data, int32_t result, uint32_t flags) {
  switch (user_data) {
    case kIgnored:
    case kNotified:  // the flag is set; run_callbacks() looks at it
      return;
    case kWoken:
      while (::read(wake_descriptor(), &wake_value_, sizeof wake_value_) > 0) {
      }
      woken();
      return arm_wake();
    default:
      return operation_completed(*reinterpret_cast<Operation*>(user_data), result, flags);
  }
}

void UringIo::turn(bool wait) {
  enable();
  clock_tick();
  const uint64_t timer_ns = until_timer();
  if (!wait || anything_ready() || timer_ns == 0) {
    io_uring_submit_and_get_events(&ring_);
  } else if (timer_ns == UINT64_MAX) {
    io_uring_submit_and_wait(&ring_, 1);
  } else {
    __kernel_timespec limit{static_cast<int64_t>(timer_ns / kSecond), static_cast<long long>(timer_ns % kSecond)};
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  }
  io_uring_cqe* batch[kBatch];
  while (const unsigned count = io_uring_peek_batch_cqe(&ring_, batch, kBatch)) {
    struct Seen {
      uint64_t user_data;
      int32_t result;
      uint32_t flags;
    } seen[kBatch];
    for (unsigned i = 0; i < count; ++i) seen[i] = {batch[i]->user_data, batch[i]->res, batch[i]->flags};
    io_uring_cq_advance(&ring_, count);
    for (unsigned i = 0; i < count; ++i) completed(seen[i].user_data, seen[i].result, seen[i].flags);
    if (count < kBatch) break;
  }
  clock_tick();
  expire_timers();
  run_callbacks();
}

}  // namespace

Result<std::unique_ptr<Io>> make_uring(const IoOptions& options) {
  auto io = std::make_unique<UringIo>(options);
  if (const Status ready = io->set_up(); !ready) return fail(ready.error());
  return io;
}

}  // namespace cwtch::io
