// One shard's way to the index files of sealed segments: pieces of whole blocks, read and checked by workers, and a few
// of them kept. And the tail's blocks, which are made of its records on demand.
//
// The cache only keeps readers that are close to each other from reading the same piece again: all pieces of a large
// log are in the page cache sooner or later, and a worker reads and checks 256 KiB in about 0.1 ms.
//
// Thread: its shard's.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/io/io.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/reader_damage.hpp"

namespace cwtch::log {

// The blocks of the tail, as far as its records are committed. They are made anew for the first request behind each
// commit: that takes 0.07 ms for 4096 records of 2.8 kB, and 0.3 ms if none of them is in the processor's caches. To
// let them grow from one request to the next was no faster.
class TailIndex {
 public:
  explicit TailIndex(uint32_t row_bytes) : row_bytes_(row_bytes) {}

  // Blocks of [from, committed end), one per part of the tail; one without records if `from` is that end. nullptr: too
  // many bytes of earlier answers are still being sent.
  // REQUIRES: `from` begins a part, or is the end
  std::shared_ptr<const Bytes> blocks(const Layout& layout, Shared::Committed committed, Position from);

 private:
  static constexpr size_t kAliveBytesMax = 64 << 20;

  // `whole`: all records of the part are committed, and no more will come.
  IndexBlockBuilder block_of(const Layout& layout, size_t part, uint64_t committed_offset, bool whole) const;
  bool room(size_t bytes);

  const uint32_t row_bytes_;
  std::vector<std::weak_ptr<const Bytes>> alive_;
  std::shared_ptr<const Bytes> last_;
  Position last_from_, last_end_;
};

class IndexReader {
 public:
  class Owner {
   public:
    // Each may go on, or has to ask for more: await again.
    virtual void index_wake(List<Fetch>& waiters) = 0;

   protected:
    ~Owner() = default;
  };
  using SegmentPointer = std::shared_ptr<const Segment>;

  IndexReader(io::Io& io, io::Files& files, uint32_t row_bytes, size_t cache_bytes, Owner& owner)
      : io_(io), files_(files), row_bytes_(row_bytes), cache_bytes_(cache_bytes), owner_(owner) {}
  ~IndexReader() { CHECK(idle()); }

  // What is at hand. busy: await it. Else why the file, or this piece of it, cannot be had.
  Result<std::shared_ptr<const IndexTable>> table(const Segment& segment) const;
  Result<std::shared_ptr<const IndexPiece>> piece(const Segment& segment, uint64_t offset);  // in the file

  // False: there is nothing to wait for.
  bool await_table(Fetch& fetch, const SegmentPointer& segment);
  bool await_piece(Fetch& fetch, const SegmentPointer& segment, uint64_t offset);

  bool idle() const { return loads_.empty(); }
  uint64_t mended() const { return mended_; }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  static constexpr size_t kLoadsMax = 8;  // each has a piece in memory

  struct Load {
    IndexReader* reader;
    SegmentPointer segment;
    bool wants_piece;
    uint64_t offset;  // in the file
    Status status;
    std::shared_ptr<const IndexPiece> piece;
    uint32_t mends = 0;
    io::Work work;
    List<Fetch> waiters;
    void run();
    void done(io::Work&) { reader->load_done(*this); }
  };
  struct Kept : ListLink {
    std::shared_ptr<const IndexPiece> piece;
  };

  bool await(Fetch& fetch, const SegmentPointer& segment, bool wants_piece, uint64_t offset);
  void load_done(Load& load);
  void keep(std::shared_ptr<const IndexPiece> piece);
  void drop(std::map<uint64_t, std::unique_ptr<Kept>>::iterator at);

  io::Io& io_;
  io::Files& files_;
  const uint32_t row_bytes_;
  const size_t cache_bytes_;
  Owner& owner_;
  std::vector<std::unique_ptr<Load>> loads_;
  List<Fetch> waiting_;  // for a load to end
  // By offset in the index stream, none overlapping another; `order_` has the least recently used one first.
  std::map<uint64_t, std::unique_ptr<Kept>> kept_;
  List<Kept> order_;
  size_t kept_bytes_ = 0;
  DamageMemory damages_;
  uint64_t mended_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace cwtch::log
