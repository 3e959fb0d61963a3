// Where the bytes of the log are: what the writer (one thread) publishes and every shard's reader uses.
//
// The log is one stream of bytes (docs/log_format.md). A Layout maps stream offsets to sealed segments and to the
// tail's memory. Layouts and segments are immutable and shared; the tail grows only behind `committed`, which is
// published with release order after the bytes are durable.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/files.hpp"
#include "engine/log/format.hpp"

namespace cwtch::log {

// One chunk of a sealed segment, as its sparse table has it.
struct ChunkPlace {
  Position first;
  uint64_t offset;  // in the stream
  uint32_t bytes;
  uint32_t chain;       // before it
  bool border = false;  // first chunk of a range as it was sealed: a position that anyone may name, for ever
  uint32_t hour = 0;    // of a border: in which the range was sealed, in hours since 1970
};

// A segment's part of the index stream (index_block.hpp), which is numbered in rows and bytes from the log's beginning.
struct IndexPlace {
  uint64_t first_row = 0;  // rows before it
  uint64_t rows = 0;
  uint64_t offset = 0;  // bytes of the index stream before it
  uint64_t bytes = 0;   // of its file
  ByteArray<32> sha256{};

  uint64_t row_end() const { return first_row + rows; }
  uint64_t end() const { return offset + bytes; }
};
struct IndexTable;  // index_file.hpp

// A sealed, immutable file. Its descriptor closes when the last holder lets go; the file may be unlinked before.
struct Segment : std::enable_shared_from_this<Segment> {
  Position first;
  Position end;            // one past its last record
  uint64_t stream_offset;  // of its first byte
  uint64_t stream_bytes;   // its chunks
  uint64_t file_bytes;     // chunks, table and footer
  uint32_t chain_before;
  uint32_t chain_after;
  ByteArray<32> sha256;  // of the whole file
  uint64_t hour_s = 0;   // as the manifest has it
  IndexPlace index;
  std::string path;
  std::string index_path;
  io::OpenFile file;  // direct, read-only

  // What lies behind the chunks, read and checked at first use, by read_end() on a worker.
  struct End {
    std::vector<ChunkPlace> table;
    AlignedMemory bytes;  // table and footer as they are in the file
  };
  std::shared_ptr<const End> known_end() const {
    const std::lock_guard lock(end_mutex);
    return end_read;
  }
  mutable std::mutex end_mutex;  // never held across I/O
  mutable std::shared_ptr<const End> end_read;

  // Where the blocks lie in the index file, whose bytes were checked before: read_index() on a worker.
  std::shared_ptr<const IndexTable> known_index() const {
    const std::lock_guard lock(end_mutex);
    return index_read;
  }
  mutable std::shared_ptr<const IndexTable> index_read;  // under end_mutex
  mutable std::atomic<uint32_t> index_mends{0};          // how often its file was made anew; names the new files
};

// The records behind the last sealed segment, in memory, cut into chunks exactly as the file will have them. The front
// ones may be closed and on their way to a file; only the last one grows.
struct TailSegment {
  struct Chunk {
    Position first;
    uint64_t offset;       // in the stream
    AlignedMemory memory;  // chunk_bytes, never moved; written up to the committed offset
  };

  Position first;
  uint64_t stream_offset;
  uint32_t chain_before;
  uint64_t first_row;  // rows before it, since the log's beginning
  // Written by the writer only, and only behind what `chunks_count` and Shared::committed_offset have published.
  std::vector<Chunk> chunks;  // reserved to chunks_max when made: never reallocates
  std::atomic<uint32_t> chunks_count{0};
  std::atomic<uint32_t> hour{0};  // in which it was closed, since 1970; 0: it is open
};

struct Layout {
  uint64_t version = 0;
  uint64_t hour_s = 0;  // what is sealed from here on bears this hour, or a later one
  Position first_retained;
  std::vector<std::shared_ptr<const Segment>> segments;  // by position, without gaps
  std::vector<std::shared_ptr<const TailSegment>> tail;  // by position; never empty
};

// Published by the writer, read by every shard.
struct Shared {
  // Both move together: offset is the end of the last durable record's frame. Read with `committed()`.
  struct Committed {
    Position end;
    uint64_t offset;
  };

  Committed committed() const;                   // any thread, wait-free for the writer (sequence lock)
  std::shared_ptr<const Layout> layout() const;  // any thread; takes a mutex, so call it when layout_version moved
  std::atomic<uint64_t> layout_version{0};
  uint32_t chunk_bytes = 0;            // no chunk is larger; set before anybody reads
  uint32_t row_bytes = 0;              // likewise: of the index stream
  std::atomic<bool> read_only{false};  // poisoned, or the medium is full

  // ---- for the writer ----
  void publish(Committed committed);
  void publish(std::shared_ptr<const Layout> layout);

 private:
  std::atomic<uint32_t> sequence_{0};
  std::atomic<uint64_t> end_{0};
  std::atomic<uint64_t> offset_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const Layout> layout_;
};

}  // namespace cwtch::log
