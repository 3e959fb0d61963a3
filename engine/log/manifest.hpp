// The manifest: which segments and key runs exist, and where the log begins. Append-only, one 4 KiB block per change; a
// block's CRC covers the CRC of the block before it. docs/log_format.md has every byte.
//
// Thread: one at a time; the maintenance worker's while the log runs. Everything here blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/io/files.hpp"
#include "engine/log/key_index.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

// "FIRST-LAST.KIND", twenty digits each.
std::string name_of(Position first, Position end, const char* kind);

// A segment as the manifest lists it.
struct SegmentEntry {
  Position first;
  Position end;
  uint64_t stream_offset;
  uint64_t stream_bytes;
  uint64_t file_bytes;
  uint32_t chain_before;
  uint32_t chain_after;
  uint64_t hour_s;  // full hour in which it was sealed; of a merged one, the newest of its parts
  ByteArray<32> sha256;
  IndexPlace index;

  std::string name() const { return name_of(first, end, "seg"); }
  std::string index_name() const { return name_of(first, end, "idx"); }
};

// One block. A segment or run replaces those whose positions it covers.
struct Change {
  std::optional<SegmentEntry> segment;
  std::optional<RunName> run;
  std::optional<Position> first_retained;
};

struct ManifestState {
  std::vector<SegmentEntry> segments;  // by position, without gaps
  std::vector<RunName> runs;           // by position
  Position first_retained;

  Position end() const { return segments.empty() ? first_retained : segments.back().end; }
  uint64_t stream_end() const {
    return segments.empty() ? stream_start : segments.back().stream_offset + segments.back().stream_bytes;
  }
  uint32_t chain() const { return segments.empty() ? chain_start : segments.back().chain_after; }
  uint64_t row_end() const { return segments.empty() ? row_start : segments.back().index.row_end(); }
  uint64_t index_end() const { return segments.empty() ? index_start : segments.back().index.end(); }
  // corrupt when the change does not fit what is there.
  Status apply(const Change& change);

  // Of an empty list of segments, after retention took them all.
  uint64_t stream_start = 0;
  uint32_t chain_start = 0;
  uint64_t row_start = 0;
  uint64_t index_start = 0;
};

class Manifest {
 public:
  static Status create(io::Files& files, const std::string& directory);
  // *bytes_read grows by what was read. corrupt, with the offset of the block, when a block is damaged that is not the
  // last of the file; a damaged last block was never acknowledged and is ignored.
  static Result<Manifest> open(io::Files& files, const std::string& directory, uint64_t* bytes_read);

  // On stable storage when it returns. After an error the manifest must not be used again, except after no_space.
  Status append(const Change& change);
  // Writes a new file with only what is in force, once most blocks are not.
  Status compact_if_worth();
  // Writes what open() has read to a new file, before anything is built on it: nobody knows whether the last sync of
  // the old one succeeded.
  Status settle();

  const ManifestState& state() const { return state_; }

 private:
  Manifest(io::Files& files, std::string directory) : files_(&files), directory_(std::move(directory)) {}
  Status rewrite();

  io::Files* files_;
  std::string directory_;
  io::OpenFile file_;
  ManifestState state_;
  uint64_t blocks_ = 0;  // also the sequence number of the next one
  uint32_t crc_ = 0;     // of the last block
};

}  // namespace cwtch::log
