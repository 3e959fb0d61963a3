// The seam between the engine and the world, for everything that must never block. One Io per shard.
//
// Implementations: io_uring (uring.hpp), epoll with worker threads (epoll.hpp), the simulator (engine/sim). All keep
// the same contract, and the same tests run on all of them.
//
// Thread:   an Io belongs to the thread that calls turn(); only notify() may be called from elsewhere.
// Order:    completions are collected first and their callbacks run after, one by one, never inside a starting call.
// Bytes:    what an operation points to stays untouched by the caller from start to callback.
// Errors:   EINTR is retried here and never seen above.
#pragma once

#include <memory>
#include <string>

#include "engine/core/clock.hpp"
#include "engine/io/operation.hpp"

namespace cwtch::io {

// "127.0.0.1:8080", "[::1]:0" (port 0: the system chooses), "unix:/run/cwtchd/admin.sock".
struct Address {
  std::string text;
  bool loopback() const;  // 127.0.0.0/8, ::1 or a UNIX socket
};

struct ListenOptions {
  bool reuse_port = false;  // several shards listen on one address
  int backlog = 1024;
  int send_buffer_bytes = 0;  // SO_SNDBUF of accepted sockets; 0: the kernel's choice
  int receive_buffer_bytes = 0;
};

enum class PollFor : uint8_t { readable, writable };

class Io {
 public:
  virtual ~Io() = default;  // REQUIRES: nothing in flight

  // ---- sockets. Accepted and connected ones are non-blocking, close-on-exec, TCP_NODELAY ----
  virtual Result<Socket> listen(const Address& address, const ListenOptions& options) = 0;
  virtual Result<Address> local_address(Socket socket) = 0;  // tells the port chosen for ":0"
  virtual bool peer_is_loopback(Socket socket) = 0;          // true for UNIX sockets too
  virtual void accept(Accept& operation, Socket listener, Callback callback) = 0;
  virtual void connect(Connect& operation, const Address& address, Callback callback) = 0;
  // Waits for bytes, then takes a Buffer for them: an idle connection holds no memory of the Io's.
  virtual void recv(Recv& operation, Socket socket, Callback callback) = 0;
  // `more`: another send follows at once, do not push a short packet. `zero_copy`: the kernel may keep the bytes; the
  // callback then comes when it has let them go. Pays only off loopback and for 32 KiB or more.
  struct SendFlags {
    bool more = false;
    bool zero_copy = false;
  };
  virtual void send(Send& operation, Socket socket, ByteView bytes, SendFlags flags, Callback callback) = 0;
  virtual void poll(Poll& operation, Socket socket, PollFor what, Callback callback) = 0;
  // Ends our direction: the peer sees the end behind what was sent; receiving goes on. REQUIRES: no send in flight.
  virtual void finish_sending(Socket socket) = 0;
  // Ends both directions: recv, send and poll in flight on the socket come back soon, with an error or 0.
  virtual void shutdown(Socket socket) = 0;
  // REQUIRES: no operation in flight on the socket.
  virtual void close(Close& operation, Socket socket, Callback callback) = 0;

  // ---- files, opened through Files. Direct files need offset, size and address in multiples of 4096 ----
  virtual void read(Read& operation, File file, MutableBytes to, uint64_t offset, Callback callback) = 0;
  // `durable`: on stable storage before the callback (RWF_DSYNC).
  virtual void write(Write& operation, File file, ByteView bytes, uint64_t offset, bool durable, Callback callback) = 0;
  virtual void sync(Sync& operation, File file, Callback callback) = 0;  // fdatasync

  // ---- time, workers, other threads ----
  virtual uint64_t now_ns() const = 0;  // monotonic; read once per turn
  virtual void timer(Timer& operation, uint64_t after_ns, Callback callback) = 0;
  // Runs function(argument) on a worker thread, then the callback here. The simulator runs it at a time of its
  // choosing.
  virtual void work(Work& operation, void (*function)(void*), void* argument, Callback callback) = 0;
  // Asks for an accept, poll, recv or timer to come back now; it may have completed already. The callback still comes.
  virtual void cancel(Operation& operation) = 0;
  // Makes this Io's thread run the notified callback soon; several calls may become one. Any thread may call it;
  // `from`: the caller's own Io if it has one (a ring can then signal another without a system call of its own; the
  // signal goes out with the next turn of `from`, so it needs one more before it stops).
  virtual void notify(Io* from) = 0;
  virtual void on_notify(void (*function)(void* owner), void* owner) = 0;

  // Submits, waits for at least one completion if `wait`, then runs the callbacks that are due.
  virtual void turn(bool wait) = 0;

  virtual const char* name() const = 0;  // "uring", "epoll", "sim"
};

enum class Backend : uint8_t { automatic, uring, epoll };

struct IoOptions {
  Backend backend = Backend::automatic;
  uint32_t entries = 4096;               // operations in flight that need no system call of their own
  uint32_t receive_buffers = 512;        // a power of two
  uint32_t receive_buffer_bytes = 8192;  // holds a whole post with its headers
  uint32_t workers_max = 4;              // threads for work(), and for files where the kernel cannot
};

// The best back end this kernel allows, or the one asked for. The error of a refused io_uring names cause and cure.
Result<std::unique_ptr<Io>> make_io(const IoOptions& options);

}  // namespace cwtch::io
