// The index stream as it arrives: any pieces in, whole checked blocks out. Memory: one block.
//
// What the server claims must fit together: the first block begins where it was asked to, each other one where the one
// before it ended, in records and in rows, and all have rows of one size. That is all that the stream can show of
// itself; what it leaves out, the log shows. Thread: one; pure.
#pragma once

#include <optional>

#include "engine/client/events.hpp"

namespace cwtch::client {

class IndexStream {
 public:
  static constexpr size_t kBlockBytesMax = 40 << 20;  // of log::kIndexRecordsMax untagged records

  struct Visitor {
    virtual ~Visitor() = default;
    // Of a block that is wholly checked. The bytes of `entry` live until the call returns.
    virtual void entry(const log::IndexEntry& entry) = 0;
    // Behind each block: its end, and the hour in which it was sealed; 0: it is not. An error stops the stream.
    virtual Status block(const IndexPlace& end, uint32_t hour) = 0;
  };
  // What is known of the place where the stream begins.
  struct Known {
    uint64_t row = 0;
    uint32_t row_bytes = 0;
  };

  IndexStream(uint64_t position, std::optional<Known> known)
      : first_{position, known ? known->row : 0}, place_(first_), known_(known) {}

  // corrupt: the server breaks the format, or its own numbering.
  Status received(ByteView bytes, Visitor& visitor);
  // The end of the stream: corrupt inside a block, or before the first one.
  Status finish() const;

  const IndexPlace& first() const { return first_; }                     // its row is known from the first block on
  const IndexPlace& place() const { return place_; }                     // behind the last whole block
  uint32_t row_bytes() const { return known_ ? known_->row_bytes : 0; }  // 0: not known yet

 private:
  Status take(ByteView block, Visitor& visitor);

  Bytes buffer_;
  IndexPlace first_;
  IndexPlace place_;
  std::optional<Known> known_;  // from the first block on, of any place in the stream
  bool begun_ = false;
  bool empty_ = false;  // a block of no records came: nothing may follow
};

}  // namespace cwtch::client
