#include "engine/io/epoll.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "engine/io/loop.hpp"
#include "engine/io/sockets.hpp"

namespace cwtch::io {
namespace {

constexpr size_t kEventsMax = 256;
constexpr int kAgain = -EAGAIN;

// What is known about a socket. Edges say when something became possible; a call that found nothing says when it ended.
struct SocketState {
  List<Operation> waiting;
  bool registered = false;
  bool readable = false;
  bool writable = false;
  bool hung_up = false;  // no further edge will come for reading: keep trying until the end is seen
};

// States by descriptor. They hold lists, so they must not move: a table of blocks that grows to the highest descriptor.
class SocketStates {
 public:
  SocketState& at(int socket) {
    const auto index = static_cast<size_t>(socket);
    while (blocks_.size() <= index / kBlock) blocks_.push_back(std::make_unique<Block>());
    return (*blocks_[index / kBlock])[index % kBlock];
  }
  void forget(int socket) {
    SocketState& state = at(socket);
    CHECK(state.waiting.empty());
    state.registered = state.readable = state.writable = state.hung_up = false;
  }

 private:
  static constexpr size_t kBlock = 256;
  using Block = std::array<SocketState, kBlock>;
  std::vector<std::unique_ptr<Block>> blocks_;
};

template <class Call>
int32_t retry_interrupted(Call call) {
  for (;;) {
    const ssize_t result = call();
    if (result >= 0) return static_cast<int32_t>(result);
    if (errno != EINTR) return -errno;
  }
}

class EpollIo final : public Loop {
 public:
  EpollIo(const IoOptions& options, int epoll, int wake);
  ~EpollIo() override { ::close(epoll_); }
  Status open();

  Result<Socket> listen(const Address& address, const ListenOptions& options) override {
    return open_listener(address, options, true);
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
  const char* name() const override { return "epoll"; }

 private:
  // Loop
  void kernel_turn(uint64_t timeout_ns) override;
  void shutdown_in_kernel(int socket) override { shutdown_both(socket); }
  void cancel_in_kernel(Operation& operation) override;
  void recv_again(Operation& recv) override { start(recv); }
  void buffer_returned(uint32_t index) override { free_.push_back(index); }
  bool can_notify_through(const Io&) const override { return false; }
  void notify_through(Io&) override { CHECK(false); }

  void start(Operation& operation);
  int register_socket(int socket, SocketState& state);
  void try_waiting(SocketState& state);
  // The result, or kAgain when it has to wait.
  int32_t attempt(Operation& operation, SocketState& state);
  int32_t attempt_recv(Recv& recv, SocketState& state);
  int32_t attempt_accept(Operation& accept, SocketState& state);
  int32_t attempt_connect(Operation& connect);
  int wait(uint64_t timeout_ns);

  const int epoll_;
  bool has_pwait2_ = true;
  SocketStates states_;
  std::vector<uint32_t> free_;  // receive buffers, the one used last on top: it is still in the cache
  std::array<epoll_event, kEventsMax> events_;
};

EpollIo::EpollIo(const IoOptions& options, int epoll, int wake) : Loop(options, wake), epoll_(epoll) {
  free_.reserve(receive_memory().count());
  for (uint32_t index = receive_memory().count(); index-- > 0;) free_.push_back(index);
}

Status EpollIo::open() {
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake()}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake(), &event) != 0) return fail_errno(errno, "epoll: eventfd");
  return {};
}

// ---- starting operations ----

// Tries at once; what has to wait goes to the socket's list.
void EpollIo::start(Operation& operation) {
  SocketState& state = states_.at(operation.handle_);
  if (!state.registered) {
    if (const int error = register_socket(operation.handle_, state); error != 0) return complete(operation, error);
  }
  state.waiting.push_back(operation);
  try_waiting(state);
}

int EpollIo::register_socket(int socket, SocketState& state) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = socket}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) return -errno;
  state.registered = true;
  return 0;
}

void EpollIo::accept(Accept& operation, Socket listener, Callback callback) {
  begin(operation, listener.value, callback);
  start(operation);
}

void EpollIo::connect(Connect& operation, const Address& address, Callback callback) {
  const Connecting connecting = connect_start(address);
  begin(operation, connecting.socket, callback);
  if (connecting.done) return complete(operation, connecting.socket);
  start(operation);
}

void EpollIo::recv(Recv& operation, Socket socket, Callback callback) {
  begin(operation, socket.value, callback);
  operation.buffer.reset();
  start(operation);
}

void EpollIo::send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) {
  begin(operation, socket.value, callback);
  const size_t size = std::min(bytes.size(), kTransferBytesMax);
  const int32_t result = retry_interrupted([&] {
    return ::send(socket.value, bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL | (flags.more ? MSG_MORE : 0));
  });
  // A short send met the end of the socket's buffer: the kernel will tell when there is space again.
  if (result == kAgain || (result >= 0 && static_cast<size_t>(result) < size))
    states_.at(socket.value).writable = false;
  complete(operation, result);
}

void EpollIo::poll(Poll& operation, Socket socket, PollFor what, Callback callback) {
  begin(operation, socket.value, callback);
  operation.flags_ = static_cast<uint8_t>(what);
  start(operation);
}

void EpollIo::close(Close& operation, Socket socket, Callback callback) {
  begin(operation, socket.value, callback);
  states_.forget(socket.value);
  complete(operation, ::close(socket.value) == 0 ? 0 : -errno);
}

void EpollIo::read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) {
  begin(operation, file.value, callback);
  operation.data_ = to.data();
  operation.size_ = to.size();
  operation.offset_ = offset;
  start_worker(operation);
}

void EpollIo::write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) {
  begin(operation, file.value, callback);
  operation.data_ = const_cast<uint8_t*>(bytes.data());
  operation.size_ = bytes.size();
  operation.offset_ = offset;
  operation.flags_ = durable ? 1 : 0;
  start_worker(operation);
}

void EpollIo::sync(Sync& operation, File file, Callback callback) {
  begin(operation, file.value, callback);
  start_worker(operation);
}

void EpollIo::cancel_in_kernel(Operation& operation) {
  CHECK(operation.linked());
  operation.unlink();
  if (operation.kind_ == Operation::Kind::connect) {
    states_.forget(operation.handle_);
    ::close(operation.handle_);
  }
  complete(operation, -ECANCELED);
}

// ---- trying ----

void EpollIo::try_waiting(SocketState& state) {
  for (Operation* operation = state.waiting.empty() ? nullptr : &state.waiting.front(); operation != nullptr;) {
    Operation* const next = state.waiting.next(*operation);
    const int32_t result = attempt(*operation, state);
    if (result != kAgain) {
      operation->unlink();
      if (result == -ENOBUFS && operation->kind_ == Operation::Kind::recv) {
        starve(*operation);
      } else {
        complete(*operation, result);
      }
    }
    operation = next;
  }
}

int32_t EpollIo::attempt(Operation& operation, SocketState& state) {
  switch (operation.kind_) {
    case Operation::Kind::recv:
      return state.readable ? attempt_recv(static_cast<Recv&>(operation), state) : kAgain;
    case Operation::Kind::accept:
      return state.readable ? attempt_accept(operation, state) : kAgain;
    case Operation::Kind::connect:
      return state.writable ? attempt_connect(operation) : kAgain;
    case Operation::Kind::poll: {
      const bool ready = operation.flags_ == static_cast<uint8_t>(PollFor::readable) ? state.readable : state.writable;
      return ready ? 0 : kAgain;
    }
    default:
      CHECK(false);
  }
}

int32_t EpollIo::attempt_recv(Recv& recv, SocketState& state) {
  if (free_.empty()) return -ENOBUFS;
  const uint32_t index = free_.back();
  const size_t size = receive_memory().size();
  const int32_t result =
      retry_interrupted([&] { return ::recv(recv.handle_, receive_memory().at(index), size, MSG_DONTWAIT); });
  if (result > 0) {
    free_.pop_back();
    recv.buffer = make_buffer(index, static_cast<size_t>(result));
    // Short: that was all, and more will be an edge. Unless the peer has finished, whose edge has been.
    if (static_cast<size_t>(result) < size && !state.hung_up) state.readable = false;
  } else if (result == kAgain) {
    state.readable = false;
  }
  return result;
}

int32_t EpollIo::attempt_accept(Operation& accept, SocketState& state) {
  for (;;) {
    const int32_t result =
        retry_interrupted([&] { return ::accept4(accept.handle_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
    if (result == kAgain) state.readable = false;
    if (!accept_should_retry(result)) return result;
  }
}

int32_t EpollIo::attempt_connect(Operation& connect) {
  const int error = connect_result(connect.handle_);
  if (error == 0) return connect.handle_;
  connect.unlink();
  states_.forget(connect.handle_);
  ::close(connect.handle_);
  return error;
}

// ---- events ----

void EpollIo::kernel_turn(uint64_t timeout_ns) {
  const int count = wait(timeout_ns);
  for (int index = 0; index < count; ++index) {
    const epoll_event& event = events_[static_cast<size_t>(index)];
    if (event.data.fd == wake()) {
      eventfd_t value;
      static_cast<void>(eventfd_read(wake(), &value));
      continue;
    }
    SocketState& state = states_.at(event.data.fd);
    if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) state.hung_up = true;
    if ((event.events & EPOLLIN) != 0 || state.hung_up) state.readable = true;
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) state.writable = true;
    try_waiting(state);
  }
}

int EpollIo::wait(uint64_t timeout_ns) {
  int count = -1;
  if (has_pwait2_) {
    const timespec timeout{static_cast<time_t>(timeout_ns / kSecond), static_cast<long>(timeout_ns % kSecond)};
    count =
        ::epoll_pwait2(epoll_, events_.data(), kEventsMax, timeout_ns == Timers::kNever ? nullptr : &timeout, nullptr);
    if (count < 0 && (errno == ENOSYS || errno == EPERM))
      has_pwait2_ = false;  // before 5.11, or an old seccomp profile
  }
  if (!has_pwait2_) {
    const uint64_t milliseconds = timeout_ns / kMillisecond + (timeout_ns % kMillisecond != 0 ? 1 : 0);
    const int timeout =
        timeout_ns == Timers::kNever ? -1 : static_cast<int>(std::min<uint64_t>(milliseconds, INT32_MAX));
    count = ::epoll_wait(epoll_, events_.data(), kEventsMax, timeout);
  }
  CHECK(count >= 0 || errno == EINTR);
  return std::max(count, 0);
}

}  // namespace

Result<std::unique_ptr<Io>> make_epoll(const IoOptions& options) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail_errno(errno, "epoll");
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) {
    const int error = errno;
    ::close(epoll);
    return fail_errno(error, "epoll: eventfd");
  }
  auto io = std::make_unique<EpollIo>(options, epoll, wake);
  if (const Status status = io->open(); !status) return fail(status.error());
  return io;
}

}  // namespace cwtch::io
