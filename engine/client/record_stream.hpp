// The bytes of a log as they arrive, turned into records: every frame, its position and the checksum chain are checked,
// whatever the server sends. Memory: one receive buffer.
#pragma once

#include <functional>

#include "engine/core/bytes.hpp"
#include "engine/log/frame.hpp"

namespace cwtch::client {

class RecordStream {
 public:
  // `position`: of the first record to come. `chain`: before it, if it is known; else the first anchor says it.
  RecordStream(log::Position position, std::optional<uint32_t> chain);

  // Room for bytes to be received; call received() with how many came.
  MutableBytes room();
  // Hands every whole record to `visit`, which may stop it with an error. corrupt: the server breaks the format.
  Status received(size_t size, const std::function<Status(log::Position, ByteView record)>& visit);

  // The same, for a file that goes on behind its records: bytes behind the frame that completes position `end` - 1 are
  // kept out of the walk. drop_rest() lets them go.
  Status received_until(size_t size, log::Position end, const std::function<Status(log::Position, ByteView)>& visit);
  void drop_rest() { size_ = 0; }

  log::Position position() const { return position_; }  // of the next record
  std::optional<uint32_t> chain() const { return chain_; }
  bool between_frames() const { return size_ == 0; }

 private:
  static constexpr size_t kBufferBytes = 512 * 1024;

  Status walk(const std::function<Status(log::Position, ByteView)>& visit, std::optional<log::Position> end);

  Bytes buffer_;
  size_t size_ = 0;
  log::Position position_;
  std::optional<uint32_t> chain_;
};

}  // namespace cwtch::client
