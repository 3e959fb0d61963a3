// One shard's view of the log: turns stream offsets into bytes. Tail bytes come from shared memory, sealed bytes
// through a scan-resistant cache of verified chunks (chunk_cache.hpp). Nothing here maps a file.
//
// The index stream (index_block.hpp) is read in the same way: by offsets of its own for what is sealed, which stay what
// they are when segments merge; the tail's part of it is made on demand.
//
// Thread:  its shard's. A View pins what it shows until it is let go and never leaves its shard.
// Damage:  a chunk is verified once, when it is read: every byte is under a checksum, and it must begin where its
//          segment's table says and lead to the next. What fails is reported, never shown; other chunks are served.
//          A damaged chunk or table is remembered for a second, then read again.
#pragma once

#include <memory>

#include "engine/core/clock.hpp"
#include "engine/io/io.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

class Reader;

// Bytes of the log, contiguous, unchanged while the View lives. Move-only; cheap. Hold it for one send, not longer: all
// slots pinned means that nobody else gets a chunk.
class View {
 public:
  View() = default;
  View(View&& other) noexcept;
  View& operator=(View&& other) noexcept;
  ~View() { reset(); }
  ByteView bytes() const { return bytes_; }
  void reset();

 private:
  friend class Reader;
  ByteView bytes_;
  Reader* reader_ = nullptr;  // pins a cache slot of this reader
  uint32_t slot_ = 0;
  std::shared_ptr<const void> keeps_;  // or keeps what is in memory anyway: a tail segment, a segment's end
};

// Waits for a chunk to arrive, or for a position to be found.
class Fetch : public ListLink {
 public:
  Status result;
  uint64_t offset = 0;  // find(): where the position starts

  // ---- for Reader ----
  enum class What : uint8_t { chunk, file, position, boundary, index, index_file, index_place };
  void (*callback)(void* owner, Fetch& fetch) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  What what = What::chunk;
  uint64_t at = 0;                         // chunk, index: in the stream; file, index_file: in the file
  Position position;                       // position, boundary, index_place: the one to find
  std::shared_ptr<const Segment> segment;  // file, index_file: whose
  ~Fetch() { CHECK(!in_flight); }
};

class Reader {
 public:
  struct Options {
    size_t cache_bytes = 64 << 20;
    uint32_t read_ahead_chunks = 8;        // on their way while a reader has the one before
    uint64_t hold_ns = 50 * kMillisecond;  // a chunk is kept for a reader that was seen in it; 0: nobody walks
    size_t index_cache_bytes = 8 << 20;    // for pieces of index files
  };
  struct Statistics {
    uint64_t hits = 0;            // a reader came to a chunk and it was there
    uint64_t misses = 0;          // it had to be read, and the reader waited
    uint64_t reads_ahead = 0;     // chunks read before anybody asked
    uint64_t bytes_read = 0;      // from the medium
    uint64_t corrupt_chunks = 0;  // chunks and tables that failed to be read or verified
    uint64_t index_mends = 0;     // index files that were missing or damaged, and have been made anew
  };

  static std::unique_ptr<Reader> make(io::Io& io, io::Files& files, std::shared_ptr<Shared> shared,
                                      const Options& options);
  virtual ~Reader() = default;  // REQUIRES: no View alive, no Fetch in flight, idle()

  // Takes the cache's memory from the system, on a worker: a chunk that is the first in its memory otherwise makes the
  // shard wait until the kernel has cleared a huge page. Once, when the Io turns. stop_populating() ends it soon.
  virtual void populate() = 0;
  virtual void stop_populating() = 0;

  // Adopts what is committed and the newest layout. Call once per turn. Between two calls committed() and layout() stay
  // what they are.
  virtual void refresh() = 0;

  virtual Shared::Committed committed() const = 0;
  virtual Position first_retained() const = 0;
  virtual const Layout& layout() const = 0;

  // The offset of a segment's start (as it was sealed, merged since or not), of the open tail's start or of the
  // committed end: the positions that anyone may name. not_found for any other position and beyond the end, gone below
  // the first retained one. busy: only the table of a merged segment can tell, and it is not read yet: ask with
  // find_boundary().
  virtual Result<uint64_t> boundary(Position position) const = 0;
  // The same, reading what it lacks: fetch.offset or the error in the callback.
  virtual void find_boundary(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) = 0;
  // Any position, by reading its chunk: for modes that may leak. fetch.offset in the callback.
  virtual void find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) = 0;

  // Bytes at `offset`, at most `size_max`, up to the end of the chunk and never beyond the committed offset: an empty
  // View at the end. busy: not in memory, ask with fetch(). gone below the first retained segment. corrupt or io: that
  // chunk is damaged; the error's offset is in the file that damaged_file() names.
  virtual Result<View> view(uint64_t offset, size_t size_max) = 0;
  // Reads what view(offset) lacks. Calls back when it will not be busy any more, or will fail; never from inside this
  // call. If many others came first, it may be busy once more. One per caller; cancel() takes it back.
  virtual void fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) = 0;
  virtual void cancel(Fetch& fetch) = 0;
  virtual const std::string& damaged_file() const = 0;

  // Bytes of a segment's file: chunks as view() has them, and the table and footer behind them. `offset` is in the
  // file. The segment may have been merged or retired meanwhile: who holds it can read it.
  virtual Result<View> view_file(const Segment& segment, uint64_t offset, size_t size_max) = 0;
  virtual void fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                          void* owner) = 0;

  // The index stream from a boundary to the committed end, as it is now: blocks of sealed ranges, then of the tail; or
  // the former alone.
  struct IndexRange {
    uint64_t offset;                    // of the sealed index stream; view_index() from here
    uint64_t sealed_end;                // to here
    std::shared_ptr<const Bytes> tail;  // then these
    Position end;                       // one past the last record

    uint64_t bytes() const { return sealed_end - offset + tail->size(); }
  };
  enum class IndexEnd : uint8_t { sealed, committed };
  // Errors as boundary(), also for `from` beyond the end. no_space: too many earlier answers are still being sent.
  // busy: ask with find_index(), then again.
  virtual Result<IndexRange> index(Position from, IndexEnd end) = 0;
  virtual void find_index(Fetch& fetch, Position from, void (*callback)(void*, Fetch&), void* owner) = 0;
  // As view() and view_file(), of the sealed index stream and of a segment's index file. Damage is mended before it is
  // reported: an error says that the segment is damaged as well, or that nothing can be written.
  virtual Result<View> view_index(uint64_t offset, size_t size_max) = 0;
  virtual void fetch_index(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) = 0;
  virtual Result<View> view_index_file(const Segment& segment, uint64_t offset, size_t size_max) = 0;
  virtual void fetch_index_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                                void* owner) = 0;

  virtual Statistics statistics() const = 0;
  virtual size_t pinned() const = 0;  // Views alive on cache slots
  virtual bool idle() const = 0;      // nothing under way: it may be destroyed

 protected:
  // `reader`: pins `slot` of its cache; nullptr: `keeps` holds the bytes.
  static View make_view(ByteView bytes, Reader* reader, uint32_t slot, std::shared_ptr<const void> keeps);

 private:
  friend class View;
  virtual void unpin(uint32_t slot) = 0;
};

}  // namespace cwtch::log
