// One shard's view of the log: turns stream offsets into bytes. Tail bytes come from shared memory, sealed bytes
// through a scan-resistant cache of verified chunks. Nothing here maps a file.
//
// Thread:  its shard's. A View pins what it shows until it is let go and never leaves its shard.
#pragma once

#include <memory>

#include "engine/io/io.hpp"
#include "engine/log/layout.hpp"

namespace cwtch::log {

class Reader;

// Bytes of the log, contiguous, unchanged while the View lives. Move-only; cheap.
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
  void (*callback)(void* owner, Fetch& fetch) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  Position wanted;
  bool finding = false;
  ~Fetch() { CHECK(!in_flight); }
};

class Reader {
 public:
  struct Options {
    size_t cache_bytes = 64 << 20;
    uint32_t read_ahead_chunks = 2;  // started when a reader walks forward
  };
  struct Statistics {
    uint64_t hits = 0, misses = 0, bytes_read = 0, corrupt_chunks = 0;
  };

  static std::unique_ptr<Reader> make(io::Io& io, io::Files& files, std::shared_ptr<Shared> shared,
                                      const Options& options);
  virtual ~Reader() = default;  // REQUIRES: no View alive, no Fetch in flight

  // Adopts what is committed and the newest layout, and tries again for those who found no slot. Call once per turn,
  // after its callbacks.
  virtual void refresh() = 0;

  virtual Shared::Committed committed() const = 0;
  virtual Position first_retained() const = 0;
  virtual const Layout& layout() const = 0;

  // The offset of a segment's start, of the open tail's start or of the committed end: the positions that anyone may
  // name. not_found for any other position, gone below the first retained one, and not_found beyond the end.
  virtual Result<uint64_t> boundary(Position position) const = 0;
  // Any position, by reading its chunk: for modes that may leak. fetch.offset in the callback.
  virtual void find(Fetch& fetch, Position position, void (*callback)(void*, Fetch&), void* owner) = 0;

  // Bytes at `offset`, at most `size_max`, up to the end of the chunk and never beyond the committed offset: an empty
  // View at the end. busy: they are on their way, ask with fetch(). gone below the first retained segment. corrupt or
  // io: that chunk is damaged; the error's offset is in the file that damaged_file() names.
  virtual Result<View> view(uint64_t offset, size_t size_max) = 0;
  // Calls back when view(offset) will not be busy any more (or will fail). May be at once. One per
  // caller; cancel() takes it back.
  virtual void fetch(Fetch& fetch, uint64_t offset, void (*callback)(void*, Fetch&), void* owner) = 0;
  virtual void cancel(Fetch& fetch) = 0;
  virtual const std::string& damaged_file() const = 0;

  // Bytes of a segment's file behind its chunks (table and footer), or chunks with the same bytes as view(). `offset`
  // is in the file. Through the same cache.
  virtual Result<View> view_file(const Segment& segment, uint64_t offset, size_t size_max) = 0;
  virtual void fetch_file(Fetch& fetch, const Segment& segment, uint64_t offset, void (*callback)(void*, Fetch&),
                          void* owner) = 0;

  virtual Statistics statistics() const = 0;
  virtual size_t pinned() const = 0;  // Views alive on cache slots
  virtual bool idle() const = 0;      // no read under way: it may be destroyed

 protected:
  // `reader`: pins `slot` of its cache; nullptr: `keeps` holds the bytes.
  static View make_view(ByteView bytes, Reader* reader, uint32_t slot, std::shared_ptr<const void> keeps);

 private:
  friend class View;
  virtual void unpin(uint32_t slot) = 0;
};

}  // namespace cwtch::log
