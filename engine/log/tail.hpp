// The end of the log, in memory: frames records into chunks exactly as a segment file will hold them.
//
// Thread: the writer's. Readers on other shards see its memory through TailSegment, up to the committed offset.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/log/key_index.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

// A tail segment with what only the writer needs.
struct TailPart {
  std::shared_ptr<TailSegment> segment;
  std::vector<uint64_t> offsets;  // in the stream, of each record's frame
  std::vector<Key> keys;          // two per record
  // Of a closed one:
  bool closed = false;
  Position end;
  uint64_t stream_end = 0;
  uint32_t chain_after = 0;
  uint64_t hour_s = 0;  // when it was closed

  size_t records_count() const { return offsets.size(); }
};

class Tail {
 public:
  struct Options {
    uint32_t chunk_bytes;
    uint32_t seal_records;
    uint32_t row_bytes;
  };
  // An empty tail that goes on at `next`.
  Tail(const Options& options, Position next, uint64_t stream_offset, uint32_t chain, uint64_t row);

  // Frames the record and returns the frame's bytes, which stay where they are. REQUIRES: !full()
  ByteView append(ByteView record, const std::array<Key, 2>& keys);
  // The open part has as many records as a segment may have: close() it before the next append().
  bool full() const { return parts_.back().records_count() >= options_.seal_records; }
  // Ends the open part and opens the next. True when the list of parts changed: it does nothing while the open part is
  // empty.
  bool close(uint64_t hour_s);
  // The front part is in a file now. REQUIRES: it is closed
  void drop_front() { parts_.pop_front(); }

  Position next() const { return next_; }
  Position first() const { return parts_.front().segment->first; }
  uint32_t chain() const { return chain_; }
  // Where the next byte goes; fillers of what is closed lie before it.
  uint64_t stream_end() const { return stream_end_; }
  const std::deque<TailPart>& parts() const { return parts_; }
  TailPart& front() { return parts_.front(); }

  // The record at a position of the tail. REQUIRES: first() <= position < next()
  ByteView record(Position position) const;

 private:
  void open_part();
  void open_chunk();
  void fill_chunk(size_t end);
  MutableBytes chunk_rest();

  Options options_;
  size_t chunks_max_;  // of one part
  Position next_;
  uint64_t stream_end_;
  uint32_t chain_;
  uint64_t row_;           // of the next record
  size_t chunk_used_ = 0;  // of the open chunk; 0: none is open
  std::deque<TailPart> parts_;
};

}  // namespace cwtch::log
