#include "engine/stream/feed.hpp"

#include <cstring>

#include "engine/http/answer.hpp"

namespace cwtch::stream {

struct BlockRef::Block {
  uint64_t offset;  // of the data in the log
  uint32_t data_bytes;
  uint32_t size;
  uint32_t references;
  uint8_t bytes[http::kChunkHeadBytesMax + Feed::kJoinBytesMax + http::kChunkEnd.size()];
};

BlockRef::BlockRef(Feed& feed, Block* block) : feed_(&feed), block_(block) { block->references += 1; }

BlockRef::BlockRef(BlockRef&& other) noexcept : feed_(other.feed_), block_(std::exchange(other.block_, nullptr)) {}

BlockRef& BlockRef::operator=(BlockRef&& other) noexcept {
  if (this != &other) {
    reset();
    feed_ = other.feed_;
    block_ = std::exchange(other.block_, nullptr);
  }
  return *this;
}

ByteView BlockRef::bytes() const { return {block_->bytes, block_->size}; }

void BlockRef::reset() {
  if (block_ != nullptr) feed_->release(std::exchange(block_, nullptr));
}

Feed::Feed(log::Reader& reader) : reader_(reader), published_offset_(reader.committed().offset) {}

Feed::~Feed() {
  CHECK(waiting_.empty());
  for (BlockRef& block : recent_) block.reset();
  CHECK(alive_ == 0);
}

void Feed::publish() {
  const uint64_t offset = reader_.committed().offset;
  if (offset == published_offset_) return;
  published_offset_ = offset;
  // Those who wait again from news() wait for the next move.
  List<Waiter> woken;
  woken.splice_back(waiting_);
  while (!woken.empty()) woken.pop_front().news();
}

BlockRef Feed::framed(uint64_t offset, ByteView data) {
  CHECK(data.size() <= kJoinBytesMax);
  for (BlockRef& recent : recent_) {
    if (recent && recent.block_->offset == offset && recent.block_->data_bytes == data.size()) {
      return BlockRef(*this, recent.block_);
    }
  }
  if (alive_ == kBlocksMax) return {};
  std::unique_ptr<Block> block;
  if (free_.empty()) {
    block = std::make_unique<Block>();
  } else {
    block = std::move(free_.back());
    free_.pop_back();
  }
  alive_ += 1;
  block->offset = offset;
  block->data_bytes = static_cast<uint32_t>(data.size());
  block->references = 0;
  size_t size = http::write_chunk_head(block->bytes, data.size());
  std::memcpy(block->bytes + size, data.data(), data.size());
  size += data.size();
  std::memcpy(block->bytes + size, http::kChunkEnd.data(), http::kChunkEnd.size());
  block->size = static_cast<uint32_t>(size + http::kChunkEnd.size());
  BlockRef framed(*this, block.release());
  recent_[recent_next_] = BlockRef(*this, framed.block_);
  recent_next_ = (recent_next_ + 1) % kRecentMax;
  return framed;
}

void Feed::release(Block* block) {
  CHECK(block->references > 0);
  block->references -= 1;
  if (block->references > 0) return;
  alive_ -= 1;
  if (free_.size() < kFreeMax) {
    free_.emplace_back(block);
  } else {
    delete block;
  }
}

}  // namespace cwtch::stream
