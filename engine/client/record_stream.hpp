// The bytes of a log as they arrive, turned into records: every frame, its position and the checksum chain are checked,
// whatever the server sends. Memory: one receive buffer.
#pragma once

#include <functional>
#include <optional>

#include "engine/core/bytes.hpp"
#include "engine/log/frame.hpp"

namespace cwtch::client {

class RecordStream {
 public:
  struct Visitor {
    virtual ~Visitor() = default;
    // A whole record; `chain` is the one behind it. An error stops the walk.
    virtual Status record(log::Position position, ByteView record, uint32_t chain) = 0;
    // A chunk begins before `position`: a place where a segment may begin, some day.
    virtual void anchor(log::Position position, uint32_t chain) = 0;
  };

  // `position`: of the first record to come. `chain`: before it, if it is known; else the first anchor says it.
  RecordStream(log::Position position, std::optional<uint32_t> chain);

  // Room for bytes to be received; call received() with how many came.
  MutableBytes room();
  // Shows every whole record to `visitor`. corrupt: the server breaks the format. With `end`, for a file that goes on
  // behind its records: nothing behind the record before `end` is looked at; drop_rest() lets it go.
  Status received(size_t size, Visitor& visitor, std::optional<log::Position> end = {});
  void drop_rest() { size_ = 0; }

  log::Position position() const { return position_; }  // of the next record
  std::optional<uint32_t> chain() const { return chain_; }
  bool between_frames() const { return size_ == 0; }

 private:
  // Received at most this much at a time, so that walking what has arrived overlaps with what is on its way.
  static constexpr size_t kReceiveBytes = 256 * 1024;
  // A frame may be a filler as long as a chunk; nothing else is longer than a record.
  static constexpr size_t kFrameBytesMax = (16 << 20) + log::kBlockBytes;

  Bytes buffer_;
  size_t size_ = 0;
  log::Position position_;
  std::optional<uint32_t> chain_;
  bool walked_ = false;  // a frame has been seen: what follows must continue it
};

}  // namespace cwtch::client
