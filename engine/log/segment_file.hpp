// Segment files: chunks, sparse table, footer. Written once, by a worker, under a temporary name; immutable afterwards.
// docs/log_format.md has every byte.
//
// Thread: any; everything here blocks.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/codec.hpp"
#include "engine/io/files.hpp"
#include "engine/log/layout.hpp"
#include "engine/log/manifest.hpp"

namespace cwtch::log {

constexpr size_t kTableEntryBytes = 28;

// Where a segment's table lies behind its chunks, and the block that says so.
struct SegmentFooter {
  Position first;
  Position end;
  uint64_t stream_offset;
  uint64_t stream_bytes;
  uint32_t chunks_count;
  uint32_t chain_before;
  uint32_t chain_after;

  uint64_t table_bytes() const { return round_up(uint64_t{chunks_count} * kTableEntryBytes, kBlockBytes); }
  uint64_t file_bytes() const { return stream_bytes + table_bytes() + kBlockBytes; }
};

// A tail segment that nobody appends to any more, all of its records durable, becomes a file, with its index file
// beside it. `chunks` lie in the tail's memory; each is a multiple of kBlockBytes.
struct ChunkBytes {
  ChunkPlace place;
  ByteView bytes;
};
// Where its index begins.
struct IndexStart {
  uint64_t first_row;
  uint64_t offset;  // of the index stream
  uint32_t row_bytes;
};
Result<SegmentEntry> write_segment(io::Files& files, const std::string& directory,
                                   const std::vector<ChunkBytes>& chunks, Position end, uint32_t chain_after,
                                   uint64_t hour_s, const IndexStart& index);

// Neighbours become one file, and their index files another: chunks and blocks are copied as they are, each verified on
// the way. corrupt, with the offset in the
// file of parts[*damaged], when one does not verify: the parts stay in force, and are still served but for that chunk.
Result<SegmentEntry> merge_segments(io::Files& files, const std::string& directory,
                                    const std::vector<std::shared_ptr<const Segment>>& parts, uint64_t hour_s,
                                    uint32_t row_bytes, size_t* damaged);

// Opens the file that the manifest lists; checks its size only. not_found: the log has lost a segment.
Result<std::shared_ptr<const Segment>> open_segment(io::Files& files, const std::string& directory,
                                                    const SegmentEntry& entry);

// The sparse table and the footer, checked against their CRCs and the segment; kept in segment.end_read. Reads the
// file's end once per segment.
Result<std::shared_ptr<const Segment::End>> read_end(io::Files& files, const Segment& segment);

// Reads and verifies every chunk, in order.
Status for_each_chunk(io::Files& files, const Segment& segment,
                      const std::function<Status(const ChunkPlace& place, ByteView bytes)>& visit);

}  // namespace cwtch::log
