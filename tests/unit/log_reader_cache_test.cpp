// Who stays in the chunk cache and who goes.
#include <gtest/gtest.h>

#include "engine/core/random.hpp"
#include "engine/log/chunk_cache.hpp"

namespace cwtch::log {
namespace {

constexpr uint32_t kChunk = 4096;

class ChunkCacheTest : public ::testing::Test {
 protected:
  using Why = ChunkCache::Why;

  // A reader comes to chunk `number`. True: it was there.
  bool visit(uint64_t number) {
    ChunkCache::Slot* slot = cache.find(number * kChunk);
    const bool hit = slot != nullptr;
    if (!hit) {
      slot = cache.claim(number * kChunk, kChunk, Why::wanted, now);
      EXPECT_NE(slot, nullptr);
      cache.loaded(*slot, now);
    }
    cache.arrive(*slot, now);
    cache.leave((number + 1) * kChunk);
    return hit;
  }

  static constexpr uint64_t kHold = 1000;
  ChunkCache cache{256 * kChunk, kChunk, kHold};
  uint64_t now = 1;
  SeededRandom random{20251126};
};

TEST_F(ChunkCacheTest, AChunkIsFoundByAnyOffsetInside) {
  ChunkCache::Slot* const slot = cache.claim(10 * kChunk, 1000, Why::wanted, now);
  EXPECT_EQ(cache.find(10 * kChunk - 1), nullptr);
  EXPECT_EQ(cache.find(10 * kChunk), slot);
  EXPECT_EQ(cache.find(10 * kChunk + 999), slot);
  EXPECT_EQ(cache.find(10 * kChunk + 1000), nullptr);
  cache.drop(*slot);
  EXPECT_EQ(cache.find(10 * kChunk), nullptr);
}

// While everything fits, nothing goes.
TEST_F(ChunkCacheTest, NothingIsEvictedBeforeTheCacheIsFull) {
  for (uint64_t i = 0; i < 256; ++i) EXPECT_FALSE(visit(i));
  for (int round = 0; round < 3; ++round)
    for (uint64_t i = 0; i < 256; ++i) EXPECT_TRUE(visit(i));
}

// 100 chunks that readers come for again and again, and a scan that is four times as fast.
TEST_F(ChunkCacheTest, AScanPassesThrough) {
  for (int i = 0; i < 5000; ++i) visit(random.below(100));
  size_t hits = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    visit(1000000 + i);
    if (i % 4 == 0) hits += visit(random.below(100));
  }
  EXPECT_GE(hits, 2400u);  // of 2500; least recently used has 1040
}

// A reader that goes round a log twice the cache finds some of it. With least recently used: nothing at all.
TEST_F(ChunkCacheTest, ALoopLargerThanTheCacheHits) {
  size_t hits = 0;
  for (int round = 0; round < 20; ++round)
    for (uint64_t i = 0; i < 512; ++i) hits += visit(i);
  EXPECT_GE(hits, 20u * 512 / 5);
}

// Fame fades: new favourites replace old ones.
TEST_F(ChunkCacheTest, NewFavouritesReplaceOldOnes) {
  for (int i = 0; i < 20000; ++i) visit(random.below(100));
  for (int i = 0; i < 10000; ++i) {
    visit(1000 + random.below(100));
    visit(1000000 + static_cast<uint64_t>(i));
  }
  size_t hits = 0;
  for (uint64_t i = 0; i < 100; ++i) hits += visit(1000 + i);
  EXPECT_GE(hits, 90u);
}

TEST_F(ChunkCacheTest, PinnedAndLoadingSlotsAreNotTaken) {
  std::vector<ChunkCache::Slot*> slots;
  for (uint64_t i = 0; i < 256; ++i) {
    slots.push_back(cache.claim(i * kChunk, kChunk, Why::wanted, now));
    ASSERT_NE(slots.back(), nullptr);
    if (i % 2 == 0) {
      cache.loaded(*slots.back(), now);
      ++slots.back()->pins;
    }
  }
  EXPECT_EQ(cache.claim(1000 * kChunk, kChunk, Why::wanted, now), nullptr);
  --slots[100]->pins;
  now += kHold;  // nor is it held for anybody
  EXPECT_EQ(cache.claim(1000 * kChunk, kChunk, Why::wanted, now), slots[100]);
  EXPECT_EQ(cache.find(100 * kChunk), nullptr);
  EXPECT_EQ(cache.claim(1001 * kChunk, kChunk, Why::wanted, now), nullptr);
}

// What was read ahead is there when its reader comes, though others have read more than a window full meanwhile; but it
// takes a quarter of the slots at most, and not for ever.
TEST_F(ChunkCacheTest, ReadAheadIsKeptForItsReader) {
  for (uint64_t i = 0; i < 1000; ++i) visit(i);
  size_t taken = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    ChunkCache::Slot* const slot = cache.claim((5000 + i) * kChunk, kChunk, Why::read_ahead, now);
    if (slot == nullptr) continue;
    cache.loaded(*slot, now);
    ++taken;
  }
  EXPECT_EQ(taken, 64u);
  for (uint64_t i = 0; i < 180; ++i) visit(10000 + i);
  for (uint64_t i = 0; i < 32; ++i) EXPECT_TRUE(visit(5000 + i));
  // The readers of the others have stopped.
  for (uint64_t i = 0; i < 1000; ++i) visit(20000 + i);
  taken = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    ChunkCache::Slot* const slot = cache.claim((6000 + i) * kChunk, kChunk, Why::read_ahead, now);
    if (slot == nullptr) continue;
    cache.loaded(*slot, now);
    ++taken;
  }
  EXPECT_EQ(taken, 64u);
}

// A chunk that a reader is in is held for it while it moves, and no longer.
TEST_F(ChunkCacheTest, AChunkIsHeldForWhoIsInIt) {
  for (uint64_t i = 0; i < 256; ++i) {
    ChunkCache::Slot* const slot = cache.claim(i * kChunk, kChunk, Why::wanted, now);
    ASSERT_NE(slot, nullptr);
    cache.loaded(*slot, now);
    cache.arrive(*slot, now);
  }
  EXPECT_EQ(cache.claim(1000 * kChunk, kChunk, Why::wanted, now), nullptr);
  cache.leave(78 * kChunk);
  ASSERT_NE(cache.claim(1000 * kChunk, kChunk, Why::wanted, now), nullptr);
  EXPECT_EQ(cache.find(77 * kChunk), nullptr);
  EXPECT_EQ(cache.claim(1001 * kChunk, kChunk, Why::wanted, now), nullptr);
  EXPECT_EQ(cache.claim(1001 * kChunk, kChunk, Why::read_ahead, now), nullptr);
  now += kHold / 2;
  cache.touch(*cache.find(5 * kChunk), now);
  now += kHold / 2;
  for (uint64_t i = 0; i < 254; ++i) {
    ChunkCache::Slot* const slot = cache.claim((2000 + i) * kChunk, kChunk, Why::wanted, now);
    ASSERT_NE(slot, nullptr) << i;
    cache.loaded(*slot, now);
  }
  EXPECT_NE(cache.find(5 * kChunk), nullptr);
}

// A smaller cache than one would ask for still works.
TEST_F(ChunkCacheTest, AFewSlotsAreAlwaysThere) {
  ChunkCache small(0, kChunk, kHold);
  EXPECT_EQ(small.size(), 8u);
}

TEST_F(ChunkCacheTest, TheSketchCountsAndForgets) {
  ArrivalSketch sketch(256);
  for (int i = 0; i < 10; ++i) sketch.add(7);
  EXPECT_EQ(sketch.estimate(7), 10);
  EXPECT_EQ(sketch.estimate(8), 0);
  for (uint64_t i = 0; i < 2600; ++i) sketch.add(1000 + i * 4096);
  EXPECT_GE(sketch.estimate(7), 5);
  EXPECT_LE(sketch.estimate(7), 6);
}

}  // namespace
}  // namespace cwtch::log
