#include "engine/sim/sim_io.hpp"

#include <algorithm>
#include <cerrno>

#include "engine/core/crc32c.hpp"
#include "engine/sim/network.hpp"

namespace cwtch::sim {

SimIo::~SimIo() {
  CHECK(flights_.empty());
  CHECK(ready_.empty());
  CHECK(buffers_out_ == 0);
  if (notify_on_its_way_) world_.take_back(notify_event_);
}

// ---- the life of an operation ----

void SimIo::begin(io::Operation& operation, io::Callback callback) {
  CHECK(!operation.in_flight_);
  CHECK(callback.run != nullptr);
  operation.in_flight_ = true;
  operation.callback_ = callback;
  operation.result_ = 0;
  flights_[&operation] = {++serial_, {}, false};
}

void SimIo::finish(io::Operation& operation, int64_t result) {
  const auto flight = flights_.find(&operation);
  CHECK(flight != flights_.end());
  if (flight->second.scheduled) world_.take_back(flight->second.event);
  flights_.erase(flight);
  operation.result_ = static_cast<int32_t>(result);
  ready_.push_back(operation);
}

void SimIo::later(io::Operation& operation, uint64_t delay_ns, std::function<void()> what) {
  Flight& flight = flights_.at(&operation);
  CHECK(!flight.scheduled);
  flight.scheduled = true;
  flight.event = world_.after(delay_ns, [this, &operation, what = std::move(what)] {
    flights_.at(&operation).scheduled = false;
    what();
  });
}

void SimIo::try_at_socket(io::Operation& operation, std::function<int64_t()> attempt) {
  later(operation, dice_.below(20'000), [this, &operation, attempt = std::move(attempt)] {
    const int64_t result = attempt();
    if (result != -EAGAIN) return finish(operation, result);
    const uint64_t serial = flights_.at(&operation).serial;
    world_.network().wait({operation.handle_}, [this, &operation, serial, attempt] {
      const auto flight = flights_.find(&operation);  // it may have been cancelled, or even started anew
      if (flight == flights_.end() || flight->second.serial != serial || flight->second.scheduled) return;
      try_at_socket(operation, attempt);
    });
  });
}

void SimIo::turn(bool wait) {
  world_.spend(500, 5'000);
  while (wait && !ready()) {
    // When this fails, the program waits for something that nobody will ever do.
    CHECK(world_.advance());
  }
  now_ns_ = world_.now_ns();
  List<io::Operation> due;
  due.splice_back(ready_);
  const bool notified = std::exchange(notified_, false);
  const bool notified_first = notified && dice_.below(2) == 0;
  if (notified_first) notified_function_(notified_owner_);
  while (!due.empty()) {
    io::Operation& operation = due.pop_front();
    operation.in_flight_ = false;
    operation.callback_.run(operation.callback_.owner, operation);
  }
  if (notified && !notified_first) notified_function_(notified_owner_);
}

void SimIo::cancel(io::Operation& operation) {
  switch (operation.kind_) {
    case io::Operation::Kind::accept:
    case io::Operation::Kind::poll:
    case io::Operation::Kind::recv:
    case io::Operation::Kind::timer:
      break;
    default:
      check_failed("accept, poll, recv and timer can be cancelled", __FILE__, __LINE__);
  }
  if (flights_.contains(&operation)) finish(operation, -ECANCELED);
}

// ---- sockets ----

Result<io::Socket> SimIo::listen(const io::Address& address, const io::ListenOptions& options) {
  return world_.network().listen(address, options);
}
Result<io::Address> SimIo::local_address(io::Socket socket) { return world_.network().local_address(socket); }
bool SimIo::peer_is_loopback(io::Socket socket) { return world_.network().peer_is_loopback(socket); }

void SimIo::accept(io::Accept& operation, io::Socket listener, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = listener.value;
  try_at_socket(operation, [this, listener] { return world_.network().accept(listener); });
}

void SimIo::connect(io::Connect& operation, const io::Address& address, io::Callback callback) {
  begin(operation, callback);
  later(operation, dice_.below(world_.faults().network.delay_ns_max + 1),
        [this, &operation, to = address] { finish(operation, world_.network().connect(to)); });
}

void SimIo::recv(io::Recv& operation, io::Socket socket, io::Callback callback) {
  CHECK(!operation.buffer);
  begin(operation, callback);
  operation.handle_ = socket.value;
  try_at_socket(operation, [this, &operation, socket]() -> int64_t {
    uint8_t* const memory = new uint8_t[kBufferBytes];
    const int64_t got = world_.network().recv(socket, {memory, kBufferBytes});
    if (got <= 0) {
      delete[] memory;
      return got;
    }
    ++buffers_out_;
    operation.buffer = io::Buffer(*this, memory, static_cast<size_t>(got));
    return got;
  });
}

void SimIo::give_back(uint8_t* memory) {
  CHECK(buffers_out_ > 0);
  --buffers_out_;
  std::memset(memory, kNoise, kBufferBytes);
  delete[] memory;
}

void SimIo::send(io::Send& operation, io::Socket socket, ByteView bytes, SendFlags flags, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = socket.value;
  const uint32_t sum = crc32c(0, bytes);
  later(operation, dice_.below(20'000), [this, &operation, socket, bytes, flags, sum] {
    CHECK(crc32c(0, bytes) == sum);  // bytes in flight belong to the kernel
    const int64_t result = world_.network().send(socket, bytes);
    if (!flags.zero_copy || result < 0) return finish(operation, result);
    later(operation, dice_.below(500'000), [this, &operation, bytes, sum, result] {
      CHECK(crc32c(0, bytes) == sum);
      finish(operation, result);
    });
  });
}

void SimIo::poll(io::Poll& operation, io::Socket socket, io::PollFor what, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = socket.value;
  try_at_socket(operation,
                [this, socket, what]() -> int64_t { return world_.network().ready(socket, what) ? 1 : -EAGAIN; });
}

void SimIo::finish_sending(io::Socket socket) { world_.network().finish_sending(socket); }

void SimIo::shutdown(io::Socket socket) { world_.network().shutdown(socket); }

bool SimIo::is_socket_in_use(io::Socket socket, const io::Operation& except) const {
  return std::any_of(flights_.begin(), flights_.end(), [&](const auto& flight) {
    const io::Operation& operation = *flight.first;
    switch (operation.kind_) {
      case io::Operation::Kind::accept:
      case io::Operation::Kind::recv:
      case io::Operation::Kind::send:
      case io::Operation::Kind::poll:
      case io::Operation::Kind::close:
        return &operation != &except && operation.handle_ == socket.value;
      default:
        return false;
    }
  });
}

void SimIo::close(io::Close& operation, io::Socket socket, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = socket.value;
  CHECK(!is_socket_in_use(socket, operation));
  later(operation, dice_.below(20'000), [this, &operation, socket] {
    world_.network().close(socket);
    finish(operation, 0);
  });
}

// ---- files ----

void SimIo::read(io::Read& operation, io::File file, MutableBytes to, uint64_t offset, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = file.value;
  if (!to.empty()) std::memset(to.data(), kNoise, to.size());
  later(operation, world_.disk_call_ns(),
        [this, &operation, file, to, offset] { finish(operation, world_.disk().read(file, to, offset, false)); });
}

void SimIo::write(io::Write& operation, io::File file, ByteView bytes, uint64_t offset, bool durable,
                  io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = file.value;
  const uint64_t id = world_.disk().write_start(file, bytes, offset, durable);
  later(operation, world_.disk_call_ns(),
        [this, &operation, id] { finish(operation, world_.disk().write_end(id, false)); });
}

void SimIo::sync(io::Sync& operation, io::File file, io::Callback callback) {
  begin(operation, callback);
  operation.handle_ = file.value;
  const uint64_t id = world_.disk().sync_start(file);
  later(operation, world_.disk_call_ns(), [this, &operation, id] { finish(operation, world_.disk().sync_end(id)); });
}

// ---- time, workers, other shards ----

void SimIo::timer(io::Timer& operation, uint64_t after_ns, io::Callback callback) {
  begin(operation, callback);
  operation.offset_ = world_.now_ns() + after_ns;
  later(operation, after_ns + dice_.below(100'000), [this, &operation] { finish(operation, 0); });
}

void SimIo::work(io::Work& operation, void (*function)(void*), void* argument, io::Callback callback) {
  begin(operation, callback);
  operation.function_ = function;
  operation.argument_ = argument;
  later(operation, world_.disk_call_ns(), [this, &operation] {
    world_.run_on_fiber(operation.function_, operation.argument_, [this, &operation] {
      later(operation, dice_.below(100'000), [this, &operation] { finish(operation, 0); });
    });
  });
}

void SimIo::notify(io::Io*) {
  if (notified_ || notify_on_its_way_) return;
  notify_on_its_way_ = true;
  notify_event_ = world_.after(dice_.below(50'000), [this] {
    notify_on_its_way_ = false;
    if (notified_function_ != nullptr) notified_ = true;
  });
}

void SimIo::on_notify(void (*function)(void* owner), void* owner) {
  notified_function_ = function;
  notified_owner_ = owner;
}

}  // namespace cwtch::sim
