// The journal: a ring of prewritten files into which groups of records are committed, one write at a time.
//
// Order:   records become durable in the order of add(); the owner hears of each group once.
// Bytes:   add() copies the frame into the open group.
// Space:   a block that holds acknowledged bytes is written again only after release() has passed its records.
// Failure: the first error ends the journal: nothing is written any more (the owner poisons the log).
// Format:  docs/log_format.md.
#pragma once

#include <string>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/settings.hpp"

namespace cwtch::log {

std::string journal_path(const std::string& directory, uint32_t file);

// Where a journal stands; recovery finds it out.
struct JournalPlace {
  uint32_t file = 0;
  uint64_t offset = 0;
  uint64_t sequence = 0;       // of the next group
  std::vector<Position> ends;  // per file: one past the newest record in it
};

class Journal {
 public:
  struct Options {
    uint32_t group_bytes_max;
    bool sync_with_fdatasync;
  };
  // Hears when a group is on stable storage, or that it may not be. `error` is nullptr for success.
  class Observer {
   public:
    virtual void group_done(const Error* error) = 0;

   protected:
    ~Observer() = default;
  };

  // Prewrites all files with zeros and syncs them; the caller syncs the directory.
  static Status create(io::Files& files, const std::string& directory, const Settings& settings);
  static Result<std::vector<io::OpenFile>> open_files(io::Files& files, const std::string& directory,
                                                      const Settings& settings);

  Journal(std::vector<io::OpenFile> files, const Settings& settings, const Options& options, const JournalPlace& place,
          Observer& observer);
  ~Journal();  // REQUIRES: !in_flight()

  void start(io::Io& io) { io_ = &io; }

  // The open group can take a frame of this size, and there is a place in the ring for the group with it.
  bool has_room(size_t frame_bytes) const;
  // REQUIRES: has_room(frame.size())
  void add(Position position, uint32_t chain_before, ByteView frame);
  bool open_group_empty() const { return records_count_ == 0; }
  bool in_flight() const { return in_flight_; }
  // Starts writing the open group. REQUIRES: it is not empty, nothing is in flight
  void write_start();

  // Records below `sealed` are in listed segments: their blocks may be used again.
  void release(Position sealed);
  // The file that comes next in the ring still holds records at or above `position`: they should be sealed soon.
  bool next_file_holds(Position position) const;

  uint64_t groups_written() const { return groups_written_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  struct Group {
    AlignedMemory memory;
    size_t used = GroupHeader::kFrameBytes;
  };

  uint32_t next_file() const { return (place_.file + 1) % static_cast<uint32_t>(files_.size()); }
  bool fits_here(uint64_t bytes) const { return place_.offset + bytes <= file_bytes_; }
  void write_continue();
  void write_done(io::Write& write);
  void sync_done(io::Sync& sync);
  void finish(const Error* error);

  io::Io* io_ = nullptr;
  std::vector<io::OpenFile> files_;
  const uint64_t file_bytes_;
  const ByteArray<16> secret_;
  const Options options_;
  JournalPlace place_;
  Observer& observer_;
  Position released_;

  Group groups_[2];  // one is filled while the other is written
  int open_ = 0;
  Position open_first_;
  uint32_t open_chain_ = 0;
  uint32_t records_count_ = 0;

  bool in_flight_ = false;
  bool failed_ = false;
  bool sync_retried_ = false;
  size_t write_size_ = 0;  // of the group in flight
  size_t written_ = 0;     // of it so far
  uint64_t write_offset_ = 0;
  uint32_t write_file_ = 0;
  io::Write write_;
  io::Sync sync_;
  uint64_t groups_written_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace cwtch::log
