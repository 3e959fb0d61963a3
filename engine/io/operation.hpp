// One request to the outside world, and the bytes it owns while the kernel has them.
//
// An operation is a member of the object that needs it: the type shows how much can be in flight, and memory is fixed
// when the object is made. It is started by a call on io::Io, runs once, and ends in exactly one callback, on the
// thread of its Io and never from inside the call that started it. It may be started again from its own callback.
#pragma once

#include <cstdint>
#include <utility>

#include "engine/core/bytes.hpp"
#include "engine/core/list.hpp"
#include "engine/core/result.hpp"

namespace cwtch::io {

// Ids given out by an Io or Files; plain values, closed explicitly by their owner.
struct File {
  int value = -1;
  explicit operator bool() const { return value >= 0; }
  friend bool operator==(File, File) = default;
};
struct Socket {
  int value = -1;
  explicit operator bool() const { return value >= 0; }
  friend bool operator==(Socket, Socket) = default;
};

class Operation;

// A member function bound to its object, in two words.
struct Callback {
  void (*run)(void* owner, Operation& operation) = nullptr;
  void* owner = nullptr;
};

namespace detail {
template <class Method>
struct MethodOf;
template <class Owner, class Op>
struct MethodOf<void (Owner::*)(Op&)> {
  using owner = Owner;
  using operation = Op;
};
}  // namespace detail

// then<&Connection::recv_done>(this), where recv_done takes the operation it completes: void recv_done(io::Recv&).
template <auto Method>
Callback then(typename detail::MethodOf<decltype(Method)>::owner* owner) {
  using Types = detail::MethodOf<decltype(Method)>;
  return {[](void* self, Operation& operation) {
            (static_cast<typename Types::owner*>(self)->*Method)(static_cast<typename Types::operation&>(operation));
          },
          owner};
}

class Operation : public ListLink {
 public:
  enum class Kind : uint8_t { accept, connect, recv, send, poll, close, timer, read, write, sync, work };

  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { CHECK(!in_flight_); }  // the kernel may still write into what this object owns
  bool in_flight() const { return in_flight_; }

  // ---- for the implementations of Io; nobody else touches these ----
  Kind kind_;
  bool in_flight_ = false;
  uint8_t flags_ = 0;    // meaning depends on kind_
  uint8_t stage_ = 0;    // scratch for the implementation
  int32_t result_ = 0;   // >= 0, or a negative errno
  int32_t handle_ = -1;  // socket or file
  Callback callback_;
  uint8_t* data_ = nullptr;  // send, write: only read from
  size_t size_ = 0;
  uint64_t offset_ = 0;  // file offset; for a timer its deadline on the monotonic clock

 protected:
  explicit Operation(Kind kind) : kind_(kind) {}
  Result<size_t> result(const char* context) const {
    if (result_ < 0) return fail_errno(-result_, context);
    return static_cast<size_t>(result_);
  }
};

// Receive memory. Belongs to the Io; whoever holds a Buffer may read and write it, and gives it back by letting it go.
class BufferOwner {
 public:
  virtual void give_back(uint8_t* memory) = 0;

 protected:
  ~BufferOwner() = default;
};
class Buffer {
 public:
  Buffer() = default;
  Buffer(BufferOwner& owner, uint8_t* memory, size_t size) : owner_(&owner), memory_(memory), size_(size) {}
  Buffer(Buffer&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), memory_(other.memory_), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      reset();
      owner_ = std::exchange(other.owner_, nullptr);
      memory_ = other.memory_;
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Buffer() { reset(); }
  explicit operator bool() const { return owner_ != nullptr; }
  ByteView bytes() const { return {memory_, size_}; }
  void reset() {
    if (owner_ != nullptr) std::exchange(owner_, nullptr)->give_back(memory_);
    size_ = 0;
  }

 private:
  BufferOwner* owner_ = nullptr;
  uint8_t* memory_ = nullptr;
  size_t size_ = 0;
};

class Accept : public Operation {
 public:
  Accept() : Operation(Kind::accept) {}
  Result<Socket> socket() const;  // busy when descriptors ran out: wait before asking again
};
class Connect : public Operation {
 public:
  Connect() : Operation(Kind::connect) {}
  Result<Socket> socket() const;
};
class Recv : public Operation {
 public:
  Recv() : Operation(Kind::recv) {}
  Result<size_t> size() const { return result("recv"); }  // 0: the peer has finished sending
  Buffer buffer;                                          // take it in the callback
};
// One attempt: sends what the socket takes now. busy (EAGAIN) when that is nothing: poll for writable and try again.
class Send : public Operation {
 public:
  Send() : Operation(Kind::send) {}
  Result<size_t> size() const { return result("send"); }
};
class Poll : public Operation {
 public:
  Poll() : Operation(Kind::poll) {}
  Status status() const;
};
class Close : public Operation {
 public:
  Close() : Operation(Kind::close) {}
};
class Timer : public Operation {
 public:
  Timer() : Operation(Kind::timer) {}
  bool expired() const { return result_ == 0; }  // false: cancelled
};
class Read : public Operation {
 public:
  Read() : Operation(Kind::read) {}
  Result<size_t> size() const { return result("read"); }  // may be short: at the end of the file, or a partial read
};
class Write : public Operation {
 public:
  Write() : Operation(Kind::write) {}
  Result<size_t> size() const { return result("write"); }  // may be short
};
class Sync : public Operation {
 public:
  Sync() : Operation(Kind::sync) {}
  Status status() const;
};
// A function that may block or compute for long, run on a worker thread.
class Work : public Operation {
 public:
  Work() : Operation(Kind::work) {}
  void (*function_)(void* argument) = nullptr;
  void* argument_ = nullptr;
};

}  // namespace cwtch::io
