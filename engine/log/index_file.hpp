// Index files: a segment's blocks of the index stream (index_block.hpp), one behind the other, one per range as it was
// sealed. Written beside the segment before it is listed; when segments merge, so do their files. One that is missing
// or damaged is made anew from its segment at its next use, to the same bytes: the manifest has their hash.
//
// Files are read through the page cache, unlike segments: blocks do not lie at multiples of 4096, and all of them are a
// hundredth of the log.
//
// Thread: any; everything here blocks, for as long as it takes to read the segment where a file is made anew. Two
//         workers that do so at the same time write the same bytes under names of their own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/sha256.hpp"
#include "engine/io/files.hpp"
#include "engine/log/index_block.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

// What is read, checked and kept at once: whole blocks of at most so many bytes in all, or a single longer one.
constexpr uint64_t kIndexPieceBytes = 256 * 1024;

// Where the blocks of an index file lie. Every byte was checked when this was made.
struct IndexTable {
  struct Block {
    Position first;
    uint64_t offset;  // in the file
    uint64_t first_row;
    uint32_t hour;  // as its header has it
  };
  std::vector<Block> blocks;
  std::vector<uint64_t> pieces;  // offsets in the file
  io::OpenFile file;             // stays readable when the file is unlinked
};

// Whole blocks, checked.
struct IndexPiece {
  uint64_t offset;  // of the index stream
  Bytes bytes;
};

// Makes blocks of verified chunks, one per range as it was sealed.
class IndexBlocks {
 public:
  using Emit = std::function<Status(ByteView block)>;
  IndexBlocks(uint64_t first_row, uint32_t row_bytes, Emit emit)
      : next_row_(first_row), row_bytes_(row_bytes), emit_(std::move(emit)) {}

  Status add(const ChunkPlace& place, ByteView chunk);
  Status finish();
  uint64_t next_row() const { return next_row_; }

 private:
  uint64_t next_row_;  // after finish(); before, that of the block being made
  const uint32_t row_bytes_;
  const Emit emit_;
  std::optional<IndexBlockBuilder> builder_;
};

// An index file on its way: blocks go in, in order; finish() gives it its name, which is durable once its directory is
// synced.
class IndexWriter {
 public:
  IndexWriter(io::Files& files, std::string temporary) : files_(files), temporary_(std::move(temporary)) {}
  ~IndexWriter();
  IndexWriter(const IndexWriter&) = delete;
  IndexWriter& operator=(const IndexWriter&) = delete;

  Status start();
  Status add(ByteView blocks);
  // place.bytes and place.sha256
  Status finish(const std::string& path, uint64_t hour_s, IndexPlace* place);

 private:
  Status flush();

  io::Files& files_;
  const std::string temporary_;
  io::OpenFile file_;
  bool started_ = false;
  Bytes buffer_;
  IndexPlace written_;
  Sha256 hash_;
};

// Checks the whole file at its first use, and makes it anew if it does not hold what it must.
Result<std::shared_ptr<const IndexTable>> read_index(io::Files& files, const Segment& segment, uint32_t row_bytes);
// The piece that holds `offset` of the file; makes the file anew if it is damaged there.
Result<std::shared_ptr<const IndexPiece>> read_index_piece(io::Files& files, const Segment& segment, uint32_t row_bytes,
                                                           uint64_t offset);

// For verify: the file as it is, against the segment's records; nothing is mended.
Status check_index(io::Files& files, const Segment& segment, uint32_t row_bytes);

}  // namespace cwtch::log
