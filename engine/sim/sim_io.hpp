// The simulator's io::Io: one shard's share of a World.
//
// Keeps the contract of io.hpp and checks the caller's half of it: bytes in flight do not change, direct files are used
// in whole blocks, a socket is closed with nothing in flight, every Buffer comes back. Memory given to a read is filled
// with noise at its start, and a Buffer given back likewise, so that looking too early or too late shows.
#pragma once

#include <functional>
#include <unordered_map>

#include "engine/core/list.hpp"
#include "engine/io/io.hpp"
#include "engine/sim/dice.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::sim {

class SimIo final : public io::Io, private io::BufferOwner {
 public:
  SimIo(World& world, Dice dice) : world_(world), dice_(dice), now_ns_(world.now_ns()) {}
  ~SimIo() override;

  // Something waits to be delivered by the next turn.
  bool ready() const { return !const_cast<List<io::Operation>&>(ready_).empty() || notified_; }
  size_t in_flight() const { return flights_.size(); }

  Result<io::Socket> listen(const io::Address& address, const io::ListenOptions& options) override;
  Result<io::Address> local_address(io::Socket socket) override;
  bool peer_is_loopback(io::Socket socket) override;
  void accept(io::Accept& operation, io::Socket listener, io::Callback callback) override;
  void connect(io::Connect& operation, const io::Address& address, io::Callback callback) override;
  void recv(io::Recv& operation, io::Socket socket, io::Callback callback) override;
  void send(io::Send& operation, io::Socket socket, ByteView bytes, SendFlags flags, io::Callback callback) override;
  void poll(io::Poll& operation, io::Socket socket, io::PollFor what, io::Callback callback) override;
  void finish_sending(io::Socket socket) override;
  void shutdown(io::Socket socket) override;
  void close(io::Close& operation, io::Socket socket, io::Callback callback) override;

  void read(io::Read& operation, io::File file, MutableBytes to, uint64_t offset, io::Callback callback) override;
  void write(io::Write& operation, io::File file, ByteView bytes, uint64_t offset, bool durable,
             io::Callback callback) override;
  void sync(io::Sync& operation, io::File file, io::Callback callback) override;

  uint64_t now_ns() const override { return now_ns_; }
  void timer(io::Timer& operation, uint64_t after_ns, io::Callback callback) override;
  void work(io::Work& operation, void (*function)(void*), void* argument, io::Callback callback) override;
  void cancel(io::Operation& operation) override;
  void notify(io::Io* from) override;
  void on_notify(void (*function)(void* owner), void* owner) override;
  void turn(bool wait) override;
  const char* name() const override { return "sim"; }

 private:
  static constexpr size_t kBufferBytes = 8192;
  static constexpr uint8_t kNoise = 0xDB;

  struct Flight {
    uint64_t serial;  // an operation that is started again is another flight
    World::Event event;
    bool scheduled;
  };

  void begin(io::Operation& operation, io::Callback callback);
  void finish(io::Operation& operation, int64_t result);
  // Runs attempt() after a while; a negative EAGAIN makes it wait for the socket and try again, else it is the result.
  void try_at_socket(io::Operation& operation, std::function<int64_t()> attempt);
  void later(io::Operation& operation, uint64_t delay_ns, std::function<void()> what);
  bool is_socket_in_use(io::Socket socket, const io::Operation& except) const;
  void give_back(uint8_t* memory) override;

  World& world_;
  Dice dice_;
  std::unordered_map<io::Operation*, Flight> flights_;
  List<io::Operation> ready_;
  uint64_t serial_ = 0;
  uint64_t now_ns_;
  size_t buffers_out_ = 0;
  bool notified_ = false;
  bool notify_on_its_way_ = false;
  World::Event notify_event_{};
  void (*notified_function_)(void* owner) = nullptr;
  void* notified_owner_ = nullptr;
};

}  // namespace cwtch::sim
