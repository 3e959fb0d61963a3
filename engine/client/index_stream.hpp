// The index stream as it arrives: any pieces in, whole checked blocks out. Memory: one block.
//
// What the server claims must fit together: each block begins where the one before it ended, in records and in rows,
// and all have rows of one size. That is all that the stream can show of itself; what it leaves out, the log shows.
// Thread: one; pure.
#pragma once

#include <functional>
#include <optional>

#include "engine/log/index_block.hpp"

namespace cwtch::client {

class IndexStream {
 public:
  static constexpr size_t kBlockBytesMax = 40 << 20;  // of log::kIndexRecordsMax untagged records

  // Where the stream stands: behind the last whole block. Nothing before the first one.
  struct Place {
    uint64_t position = 0;
    uint64_t row = 0;
    uint32_t row_bytes = 0;
  };

  // corrupt: the server breaks the format, or its own numbering. Blocks are shown in order; the bytes of an entry live
  // until the visitor returns.
  Status received(ByteView bytes, const std::function<void(const log::IndexEntry& entry)>& visit);
  // The end of the stream: corrupt inside a block.
  Status finish() const;
  const std::optional<Place>& place() const { return place_; }

 private:
  Status take(ByteView block, const std::function<void(const log::IndexEntry& entry)>& visit);

  Bytes buffer_;
  std::optional<Place> place_;
};

}  // namespace cwtch::client
