#include "engine/io/epoll.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/io/loop.hpp"
#include "engine/io/sockets.hpp"

namespace cwtch::io {
namespace {

constexpr int kBatch = 256;

class EpollIo final : public Loop, private BufferOwner {
 public:
  EpollIo(const IoOptions& options, int epoll)
      : Loop(options), epoll_(epoll), buffers_(options.receive_buffers, options.receive_buffer_bytes) {
    for (uint32_t i = 0; i < options.receive_buffers; ++i) free_.push_back(buffers_.at(i));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_descriptor();
    CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_descriptor(), &event) == 0);
  }
  ~EpollIo() override {
    CHECK(starved_.empty() && free_.size() == buffers_.count());
    ::close(epoll_);
  }

  Result<Socket> listen(const Address& address, const ListenOptions& options) override {
    return open_listener(address, options, true);
  }
  Result<Address> local_address(Socket socket) override { return io::local_address(socket); }
  bool peer_is_loopback(Socket socket) override { return io::peer_is_loopback(socket); }
  void accept(Accept& operation, Socket listener, Callback callback) override {
    begin(operation, callback, listener.value);
    try_now(operation);
  }
  void connect(Connect& operation, const Address& address, Callback callback) override {
    const Connecting connecting = connect_start(address);
    begin(operation, callback, connecting.socket);
    if (connecting.done) return complete(operation, connecting.socket);
    wait_for(operation, EPOLLOUT);
  }
  void recv(Recv& operation, Socket socket, Callback callback) override {
    CHECK(!operation.buffer);
    begin(operation, callback, socket.value);
    wait_for(operation, EPOLLIN);
  }
  void send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) override {
    begin(operation, callback, socket.value);
    const int how = MSG_DONTWAIT | MSG_NOSIGNAL | (flags.more ? MSG_MORE : 0);
    ssize_t sent;
    do {
      sent = ::send(socket.value, bytes.data(), bytes.size(), how);
    } while (sent < 0 && errno == EINTR);
    complete(operation, sent < 0 ? -errno : static_cast<int32_t>(std::min<ssize_t>(sent, INT32_MAX)));
  }
  void poll(Poll& operation, Socket socket, PollFor what, Callback callback) override {
    begin(operation, callback, socket.value);
    wait_for(operation, what == PollFor::writable ? EPOLLOUT : EPOLLIN);
  }
  void shutdown(Socket socket) override { ::shutdown(socket.value, SHUT_RDWR); }
  void close(Close& operation, Socket socket, Callback callback) override {
    begin(operation, callback, socket.value);
    if (static_cast<size_t>(socket.value) < interests_.size()) interests_[static_cast<size_t>(socket.value)] = {};
    ::close(socket.value);  // also leaves the epoll set
    complete(operation, 0);
  }
  void read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) override {
    begin(operation, callback, file.value);
    operation.data_ = to.data();
    operation.size_ = to.size();
    operation.offset_ = offset;
    workers().start(operation);
  }
  void write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) override {
    begin(operation, callback, file.value);
    operation.data_ = const_cast<uint8_t*>(bytes.data());
    operation.size_ = bytes.size();
    operation.offset_ = offset;
    operation.flags_ = durable ? 1 : 0;
    workers().start(operation);
  }
  void sync(Sync& operation, File file, Callback callback) override {
    begin(operation, callback, file.value);
    workers().start(operation);
  }
  void cancel(Operation& operation) override;
  void notify(Io*) override {
    if (notify_first()) wake();
  }
  void turn(bool wait) override;
  const char* name() const override { return "epoll"; }

 private:
  // Who waits for what on a descriptor, and what epoll was told of it.
  struct Interest {
    Operation* readers = nullptr;  // recv, accept, or poll for readable: one at a time
    Operation* writers = nullptr;  // connect, or poll for writable
    uint32_t told = 0;
    bool added = false;
  };

  Interest& interest_of(int descriptor) {
    const auto index = static_cast<size_t>(descriptor);
    if (index >= interests_.size()) interests_.resize(index + 64);
    return interests_[index];
  }
  void tell(int descriptor, Interest& interest) {
    const uint32_t wanted =
        (interest.readers != nullptr ? EPOLLIN : 0u) | (interest.writers != nullptr ? EPOLLOUT : 0u);
    // Interest that nobody has any more is taken back when it fires, so that one who comes again costs no call.
    if (interest.added && (interest.told & wanted) == wanted) return;
    epoll_event event{};
    event.events = wanted;
    event.data.fd = descriptor;
    CHECK(::epoll_ctl(epoll_, interest.added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) == 0);
    interest.added = true;
    interest.told = wanted;
  }
  void wait_for(Operation& operation, uint32_t what) {
    Interest& interest = interest_of(operation.handle_);
    Operation*& place = what == EPOLLIN ? interest.readers : interest.writers;
    CHECK(place == nullptr);  // one operation per direction and socket
    place = &operation;
    tell(operation.handle_, interest);
  }
  void try_now(Operation& operation);
  void fired(int descriptor, uint32_t events);
  bool receive(Operation& operation);
  void give_back(uint8_t* memory) override;

  const int epoll_;
  ReceiveMemory buffers_;
  std::vector<uint8_t*> free_;
  List<Operation> starved_;
  std::vector<Interest> interests_;  // by descriptor
};

void EpollIo::try_now(Operation& operation) {
  while (true) {
    const int socket = ::accept4(operation.handle_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket >= 0) return complete(operation, socket);
    if (errno == EAGAIN) return wait_for(operation, EPOLLIN);
    if (!accept_should_retry(-errno)) return complete(operation, -errno);
  }
}

// False: nothing was there after all.
bool EpollIo::receive(Operation& operation) {
  if (free_.empty()) {
    operation.stage_ = 1;
    starved_.push_back(operation);
    return true;
  }
  uint8_t* const memory = free_.back();
  ssize_t got;
  do {
    got = ::recv(operation.handle_, memory, buffers_.bytes(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) return false;
  if (got > 0) {
    free_.pop_back();
    static_cast<Recv&>(operation).buffer = Buffer(*this, memory, static_cast<size_t>(got));
  }
  complete(operation, got < 0 ? -errno : static_cast<int32_t>(got));
  return true;
}

void EpollIo::give_back(uint8_t* memory) {
  free_.push_back(memory);
  if (starved_.empty()) return;
  Operation& operation = starved_.pop_front();
  operation.stage_ = 0;
  if (!receive(operation)) wait_for(operation, EPOLLIN);
}

void EpollIo::fired(int descriptor, uint32_t events) {
  Interest& interest = interest_of(descriptor);
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (Operation* const reader = interest.readers;
      reader != nullptr && (broken || (events & (EPOLLIN | EPOLLRDHUP)) != 0)) {
    interest.readers = nullptr;
    if (reader->kind_ == Operation::Kind::recv) {
      if (!receive(*reader)) interest_of(descriptor).readers = reader;
    } else if (reader->kind_ == Operation::Kind::accept) {
      try_now(*reader);
    } else {
      complete(*reader, 1);
    }
  }
  Interest& still = interest_of(descriptor);  // the vector may have grown
  if (Operation* const writer = still.writers; writer != nullptr && (broken || (events & EPOLLOUT) != 0)) {
    still.writers = nullptr;
    if (writer->kind_ == Operation::Kind::connect) {
      const int error = connect_result(descriptor);
      if (error < 0) {
        still = {};
        ::close(descriptor);
      }
      complete(*writer, error < 0 ? error : descriptor);
      if (error < 0) return;
    } else {
      complete(*writer, 1);
    }
  }
  // Level-triggered: what fires and interests nobody would fire for ever.
  const uint32_t wanted = (still.readers != nullptr ? EPOLLIN : 0u) | (still.writers != nullptr ? EPOLLOUT : 0u);
  if (still.added && still.told != wanted) {
    if (wanted == 0) {  // errors and hang-ups are reported even without interest
      CHECK(::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr) == 0);
      still = {};
    } else {
      still.told = 0;
      tell(descriptor, still);
    }
  }
}

void EpollIo::cancel(Operation& operation) {
  if (!operation.in_flight() || cancel_timer(operation)) return;
  if (operation.kind_ == Operation::Kind::recv && operation.stage_ == 1 && operation.linked()) {
    operation.unlink();
    operation.stage_ = 0;
    return complete(operation, -ECANCELED);
  }
  if (operation.linked() || operation.handle_ < 0) return;  // done already
  const auto index = static_cast<size_t>(operation.handle_);
  if (index >= interests_.size()) return;
  for (Operation** const place : {&interests_[index].readers, &interests_[index].writers}) {
    if (*place != &operation) continue;
    *place = nullptr;
    complete(operation, -ECANCELED);
  }
}

void EpollIo::turn(bool wait) {
  clock_tick();
  const uint64_t timer_ns = until_timer();
  int limit_ms = 0;
  if (wait && !anything_ready() && timer_ns != 0)
    limit_ms = timer_ns == UINT64_MAX
                   ? -1
                   : static_cast<int>(std::min<uint64_t>((timer_ns + kMillisecond - 1) / kMillisecond, 60'000));
  epoll_event events[kBatch];
  const int count = ::epoll_wait(epoll_, events, kBatch, limit_ms);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == wake_descriptor()) {
      uint64_t value;
      while (::read(wake_descriptor(), &value, sizeof value) > 0) {
      }
      woken();
    } else {
      fired(events[i].data.fd, events[i].events);
    }
  }
  clock_tick();
  expire_timers();
  run_callbacks();
}

}  // namespace

Result<std::unique_ptr<Io>> make_epoll(const IoOptions& options) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail_errno(errno, "epoll: cannot be set up");
  return std::make_unique<EpollIo>(options, epoll);
}

}  // namespace cwtch::io
