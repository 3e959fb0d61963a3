// Fan-out: who waits at the end of the log, and the bytes that many of them are about to get.
//
// A new record goes to a thousand followers as one chunk of the chunked coding. The chunk is put together once, in a
// shared block, and every follower's send points into it. Blocks live while a send is in flight; a follower that
// stopped reading holds its place in the log and has the chunk put together again when it is writable.
//
// Bound:   blocks_max blocks; beyond it framed() says no and the caller sends head, data and end as three pieces.
// Thread:  the shard's.
#pragma once

#include <memory>
#include <vector>

#include "engine/core/list.hpp"
#include "engine/log/reader.hpp"

namespace cwtch::stream {

class Feed;

// A share in a block; lets go of it at the end.
class BlockRef {
 public:
  BlockRef() = default;
  BlockRef(BlockRef&& other) noexcept;
  BlockRef& operator=(BlockRef&& other) noexcept;
  ~BlockRef() { reset(); }
  explicit operator bool() const { return block_ != nullptr; }
  ByteView bytes() const;
  void reset();

 private:
  friend class Feed;
  struct Block;
  BlockRef(Feed& feed, Block* block);

  Feed* feed_ = nullptr;
  Block* block_ = nullptr;
};

// Waits for the committed offset to move.
class Waiter : public ListLink {
 public:
  virtual void news() = 0;

 protected:
  ~Waiter() = default;
};

class Feed {
 public:
  static constexpr size_t kJoinBytesMax = 16 * 1024;  // data of a chunk worth copying to save two sends
  static constexpr size_t kBlocksMax = 256;

  explicit Feed(log::Reader& reader);
  ~Feed();  // REQUIRES: nobody waits, no BlockRef alive

  // news() comes once, from publish().
  void wait(Waiter& waiter) { waiting_.push_back(waiter); }
  bool has_waiters() const { return !waiting_.empty(); }
  // Call once per turn, after Reader::refresh().
  void publish();

  // The chunk of `data`, which lies at `offset` of the log: head, data, end. Empty if there are too many blocks alive.
  // REQUIRES: data.size() <= kJoinBytesMax
  BlockRef framed(uint64_t offset, ByteView data);

 private:
  friend class BlockRef;
  using Block = BlockRef::Block;
  static constexpr size_t kRecentMax = 4;  // followers are at the end, or one or two groups behind it
  static constexpr size_t kFreeMax = 16;

  void release(Block* block);

  log::Reader& reader_;
  uint64_t published_offset_;
  List<Waiter> waiting_;
  BlockRef recent_[kRecentMax];
  size_t recent_next_ = 0;
  std::vector<std::unique_ptr<Block>> free_;
  size_t alive_ = 0;
};

}  // namespace cwtch::stream
