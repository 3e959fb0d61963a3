// One reader's place in the log: an offset and an end. Everything a client downloads is pulled through one of these, a
// piece at a time, when its socket has room; between two sends it holds neither bytes nor a cache slot.
//
// Five ways to read:
//   range   [offset, end) of the log's stream, as it is
//   file    [offset, end) of a segment's file: its chunks, table and footer
//   index   the index stream, from a boundary to the end: what is sealed, then the tail's blocks as they were
//   index file  [offset, end) of a segment's index file
//   follow  from `offset` on and on, in the chunked transfer coding, with a filler frame when there is no news
// Thread:   the shard's.
// Errors:   of log::Reader; after one the answer cannot be completed and the connection must close.
#pragma once

#include "engine/http/answer.hpp"
#include "engine/stream/feed.hpp"

namespace cwtch::stream {

class Cursor final : private Waiter {
 public:
  class Owner {
   public:
    // Bytes may be there again: pull(), or prepare() if that was what had to wait.
    virtual void cursor_ready() = 0;

   protected:
    ~Owner() = default;
  };
  struct Piece {
    ByteView bytes;     // empty: nothing now, cursor_ready() follows; or done()
    bool more = false;  // the next piece belongs to the same chunk
  };

  Cursor(log::Reader& reader, Feed& feed, Owner& owner) : reader_(reader), feed_(feed), owner_(owner) {}
  ~Cursor();  // REQUIRES: idle()

  void open_range(uint64_t offset, uint64_t end);
  void open_file(std::shared_ptr<const log::Segment> segment, uint64_t offset, uint64_t end);
  void open_index(const log::Reader::IndexRange& range);
  void open_index_file(std::shared_ptr<const log::Segment> segment, uint64_t offset, uint64_t end);
  void open_follow(uint64_t offset);

  // True when the first piece is at hand, so that damage is found before the answer's head says that all is well.
  // False: cursor_ready() follows.
  Result<bool> prepare();

  Result<Piece> pull();
  void sent(size_t size);  // of the last piece
  bool done() const { return mode_ == Mode::closed; }
  bool follows() const { return mode_ == Mode::follow; }
  // A follower that has all there is: nothing comes until there is news.
  bool waits() const { return follows() && stage_ == Stage::between && offset_ == reader_.committed().offset; }
  // What pull() would give next is small and new.
  bool live() const;

  // A follower without news says so with its next piece. Without effect on the others.
  void heartbeat();
  // A follower ends its answer properly after the chunk that it is in.
  void finish();
  // No cursor_ready() follows; what is being sent stays. For a connection that has begun to close.
  void quiet();
  // Lets go of everything. Without effect when closed. REQUIRES: nothing of it is being sent
  void close();
  // Nothing is held and no fetch is in flight.
  bool idle() const { return !fetch_.in_flight; }

 private:
  enum class Mode : uint8_t { closed, range, file, index, index_file, follow };
  // Where a follower is in the chunk that it sends.
  enum class Stage : uint8_t { between, joined, head, data, end, heartbeat, last };
  static constexpr size_t kPieceBytesMax = 256 * 1024;
  static constexpr size_t kSmallBytes = 48;  // a chunk's head, or a whole heartbeat

  void news() override { owner_.cursor_ready(); }
  static void fetched(void* cursor, log::Fetch& fetch);
  // The bytes of the index's tail from offset_ on; empty in other modes and before.
  ByteView index_tail() const;
  Result<log::View> view(size_t size_max);
  void fetch();
  Result<Piece> pull_follow();
  Result<Piece> begin_chunk();
  void split_chunk();
  void sent_follow(size_t size);
  Piece small(bool more) const;

  log::Reader& reader_;
  Feed& feed_;
  Owner& owner_;
  uint64_t offset_ = 0;  // of the log, of the segment's file or of the index
  uint64_t end_ = 0;
  std::shared_ptr<const log::Segment> segment_;
  std::shared_ptr<const Bytes> tail_;  // of the index
  log::View view_;                     // held while a send is in flight
  BlockRef block_;                     // likewise
  log::Fetch fetch_;
  Mode mode_ = Mode::closed;
  Stage stage_ = Stage::between;
  bool heartbeat_due_ = false;
  bool finishing_ = false;
  uint8_t small_bytes_ = 0;
  uint32_t chunk_bytes_ = 0;  // of log data in this chunk
  uint32_t stage_sent_ = 0;   // of this stage's bytes
  uint8_t small_[kSmallBytes];
};

}  // namespace cwtch::stream
