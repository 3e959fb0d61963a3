// One chunk on its way from a segment's file into memory, verified before anybody is told.
//
// Thread: the shard's. Verifying takes the time of one CRC over the chunk, 20 to 40 microseconds for 256 KiB: the owner
//         says when.
#pragma once

#include "engine/io/io.hpp"
#include "engine/log/chunk_cache.hpp"
#include "engine/log/reader.hpp"

namespace cwtch::log {

class ChunkLoad : public ListLink {
 public:
  class Owner {
   public:
    // All bytes are there: call verify(), now or in a later turn.
    virtual void load_read(ChunkLoad& load) = 0;
    // The load is at rest again and may be started anew.
    virtual void load_done(ChunkLoad& load, const Status& status) = 0;

   protected:
    ~Owner() = default;
  };

  // `to`: place().bytes, aligned for direct I/O; it belongs to the load until load_done().
  void start(io::Io& io, Owner& owner, std::shared_ptr<const Segment> segment, std::shared_ptr<const Segment::End> end,
             size_t chunk, MutableBytes to);
  void verify() { finish(verified()); }  // load_done() follows
  bool in_flight() const { return owner_ != nullptr; }

  const ChunkPlace& place() const { return end_->table[chunk_]; }
  const Segment& segment() const { return *segment_; }
  ChunkCache::Slot* slot = nullptr;  // the caller's
  List<Fetch> waiters;               // likewise
  uint64_t bytes_read = 0;           // by this load so far

 private:
  uint64_t file_offset() const { return place().offset - segment_->stream_offset; }
  void read_start();
  void read_done(io::Read& read);
  Status verified() const;
  void finish(const Status& status);

  io::Io* io_ = nullptr;
  Owner* owner_ = nullptr;
  std::shared_ptr<const Segment> segment_;  // keeps the file open, even if it is merged or retired meanwhile
  std::shared_ptr<const Segment::End> end_;
  size_t chunk_ = 0;
  MutableBytes to_;
  size_t got_ = 0;
  int shorts_ = 0;
  io::Read read_;
};

}  // namespace cwtch::log
