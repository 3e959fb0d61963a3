// Frames: how a record lies in the stream of the log, and how a reader knows that it is whole. Pure: bytes in, bytes
// out. docs/log_format.md is normative.
//
// The chain is the CRC of the newest record frame (0 before position 0). A record's CRC covers the chain before it, so
// that a record from elsewhere does not fit even if its own bytes are whole. Anchors and fillers lie outside the chain.
#pragma once

#include <optional>

#include "engine/core/codec.hpp"
#include "engine/log/format.hpp"

namespace cwtch::log {

// ---- writing. `to` must have room for the frame; each returns the bytes written ----

// kRecordBytesMin <= record.size() <= kRecordBytesMax. *chain moves on.
size_t write_record(MutableBytes to, Position position, ByteView record, uint32_t* chain);
size_t write_anchor(MutableBytes to, Position next, uint32_t chain);
// Exactly `size` bytes, a multiple of kFrameAlign from 16 to 2^24.
size_t write_filler(MutableBytes to, Position next, size_t size);

// A group of the journal. `mac` is SipHash-2-4 under the log's secret over all fields before it: a hostile record that
// contains the image of a group is not taken for one.
struct GroupHeader {
  uint64_t sequence;
  Position first;
  uint32_t records_count;
  uint32_t chain_before;
  uint32_t group_bytes;  // header, records, filler: a multiple of kBlockBytes

  static constexpr size_t kPayloadBytes = 32;
  static constexpr size_t kFrameBytes = sizeof(FrameHeader) + kPayloadBytes;
};
size_t write_group(MutableBytes to, const GroupHeader& group, const ByteArray<16>& secret);
// Nothing unless `block` starts with a group of this log.
std::optional<GroupHeader> read_group(ByteView block, const ByteArray<16>& secret);

// ---- reading ----

struct Frame {
  FrameKind kind;
  Position position;  // of the record, or of the next one
  ByteView payload;   // a record's bytes; lies in what the walker was given
  size_t offset;      // of the header, from the start of what the walker was given
  size_t bytes;       // header, payload, padding
};

// Walks frames and checks each: kind, size, position, chain, CRC. Made for hostile bytes: it never reads beyond them,
// and one frame costs no more than its bytes.
//
//   FrameWalker walker(chunk, first, chain);
//   while (true) {
//     const Result<std::optional<Frame>> frame = walker.next();
//     if (!frame) return fail(frame.error());        // corrupt; the offset is that of the frame
//     if (!*frame) break;                            // no whole frame is left; walker.rest() is what remains
//     ...
//   }
class FrameWalker {
 public:
  FrameWalker(ByteView bytes, Position next, uint32_t chain) : bytes_(bytes), next_(next), chain_(chain) {}
  // Takes the chain from the anchor that must come first: for a reader who starts at a chunk and knows its position
  // only.
  FrameWalker(ByteView bytes, Position next) : bytes_(bytes), next_(next), take_chain_(true) {}

  Result<std::optional<Frame>> next();

  ByteView rest() const { return bytes_.subspan(offset_); }
  size_t offset() const { return offset_; }
  Position position() const { return next_; }  // of the next record
  uint32_t chain() const { return chain_; }

 private:
  ByteView bytes_;
  size_t offset_ = 0;
  Position next_;
  uint32_t chain_ = 0;
  bool take_chain_ = false;
};

// Calls visit(record) for every record of what `walker` walks. Its error, or the walker's.
template <class Visit>
Status for_each_record(FrameWalker walker, Visit&& visit) {
  while (true) {
    const Result<std::optional<Frame>> frame = walker.next();
    if (!frame) return fail(frame.error());
    if (!*frame) return {};
    if ((*frame)->kind != FrameKind::record) continue;
    if (const Status visited = visit((*frame)->payload); !visited) return visited;
  }
}

// The whole of a chunk: an anchor, records, fillers, and nothing left over. What the last frame leaves is returned.
struct ChunkEnd {
  Position next;
  uint32_t chain;
};
Result<ChunkEnd> verify_chunk(ByteView chunk, Position first, uint32_t chain);

}  // namespace cwtch::log
