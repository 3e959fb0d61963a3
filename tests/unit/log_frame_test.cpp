#include <gtest/gtest.h>

#include "engine/core/random.hpp"
#include "engine/log/frame.hpp"

namespace cwtch::log {
namespace {

Bytes make_record(uint64_t seed, size_t size = 2800) {
  SeededRandom random(seed);
  Bytes record(size);
  random.fill(record);
  return record;
}

// A chunk of three records of odd sizes, filled to 16 KiB.
struct Chunk {
  Chunk() {
    size_t at = write_anchor(bytes, {7}, chain);
    for (uint64_t i = 0; i < 3; ++i) {
      records.push_back(make_record(i, 2800 + 7 * i));
      at += write_record(MutableBytes(bytes).subspan(at), {7 + i}, records.back(), &chain);
      ends.push_back(at);
    }
    write_filler(MutableBytes(bytes).subspan(at), {10}, bytes.size() - at);
  }
  Bytes bytes = Bytes(16384);
  std::vector<Bytes> records;
  std::vector<size_t> ends;
  uint32_t chain = 0xABCD;
};

TEST(Frames, WalkGivesBackWhatWasWritten) {
  const Chunk chunk;
  FrameWalker walker(chunk.bytes, {7}, 0xABCD);
  std::vector<Bytes> found;
  while (true) {
    const auto frame = walker.next();
    ASSERT_TRUE(frame) << frame.error().message();
    if (!*frame) break;
    if ((*frame)->kind != FrameKind::record) continue;
    EXPECT_EQ((*frame)->position.value, 7 + found.size());
    found.emplace_back((*frame)->payload.begin(), (*frame)->payload.end());
  }
  EXPECT_EQ(found, chunk.records);
  EXPECT_TRUE(walker.rest().empty());
  EXPECT_EQ(walker.chain(), chunk.chain);
  const auto end = verify_chunk(chunk.bytes, {7}, 0xABCD);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->next.value, 10u);
}

// Whichever byte changes, and to whatever: nothing of it is taken for the chunk that was written.
TEST(Frames, EveryFlippedByteIsFound) {
  Chunk chunk;
  for (size_t i = 0; i < chunk.bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      chunk.bytes[i] = static_cast<uint8_t>(chunk.bytes[i] ^ flip);
      ASSERT_FALSE(verify_chunk(chunk.bytes, {7}, 0xABCD)) << i;
      chunk.bytes[i] = static_cast<uint8_t>(chunk.bytes[i] ^ flip);
    }
  }
}

// A reader who starts at a chunk without knowing its chain takes it from the anchor, and from nothing else.
TEST(Frames, ChainComesFromTheAnchor) {
  const Chunk chunk;
  FrameWalker walker(chunk.bytes, {7});
  while (true) {
    const auto frame = walker.next();
    ASSERT_TRUE(frame);
    if (!*frame) break;
  }
  EXPECT_EQ(walker.chain(), chunk.chain);
  FrameWalker without(ByteView(chunk.bytes).subspan(kAnchorBytes), {7});
  EXPECT_FALSE(without.next());
}

TEST(Frames, OrderAndChainAreChecked) {
  const Chunk chunk;
  EXPECT_FALSE(verify_chunk(chunk.bytes, {8}, 0xABCD));
  EXPECT_FALSE(verify_chunk(chunk.bytes, {7}, 0xABCE));
  // A whole record of another place does not fit, although its own bytes are whole.
  Bytes swapped = chunk.bytes;
  uint32_t other = 1;
  write_record(MutableBytes(swapped).subspan(kAnchorBytes), {7}, chunk.records[0], &other);
  EXPECT_FALSE(verify_chunk(swapped, {7}, 0xABCD));
}

TEST(Frames, CutAnywhereIsNoFrame) {
  const Chunk chunk;
  for (size_t size = 0; size < chunk.ends[0]; ++size) {
    FrameWalker walker(ByteView(chunk.bytes).first(size), {7}, 0xABCD);
    size_t records = 0;
    while (true) {
      const auto frame = walker.next();
      ASSERT_TRUE(frame);
      if (!*frame) break;
      records += (*frame)->kind == FrameKind::record ? 1 : 0;
    }
    ASSERT_EQ(records, 0u);
    EXPECT_FALSE(size != 0 && size != kAnchorBytes && verify_chunk(ByteView(chunk.bytes).first(size), {7}, 0xABCD));
  }
}

TEST(Frames, ZerosAndUnknownKindsAreErrors) {
  const Bytes zeros(64);
  EXPECT_FALSE(FrameWalker(zeros, {0}, 0).next());
  Bytes group(kBlockBytes);
  write_group(group, {.sequence = 1, .first = {0}, .records_count = 0, .chain_before = 0, .group_bytes = 4096}, {});
  EXPECT_FALSE(FrameWalker(group, {0}, 0).next());  // groups never leave the journal
}

TEST(Groups, AreKnownByTheirSecretOnly) {
  const ByteArray<16> secret = {1, 2, 3};
  Bytes block(kBlockBytes);
  write_group(block, {.sequence = 5, .first = {9}, .records_count = 2, .chain_before = 77, .group_bytes = 8192},
              secret);
  const auto group = read_group(block, secret);
  ASSERT_TRUE(group);
  EXPECT_EQ(group->sequence, 5u);
  EXPECT_EQ(group->first.value, 9u);
  EXPECT_EQ(group->records_count, 2u);
  EXPECT_EQ(group->chain_before, 77u);
  EXPECT_EQ(group->group_bytes, 8192u);
  EXPECT_FALSE(read_group(block, ByteArray<16>{1, 2, 4}));
  for (size_t i = 0; i < GroupHeader::kFrameBytes; ++i) {
    block[i] ^= 0x10;
    EXPECT_FALSE(read_group(block, secret)) << i;
    block[i] ^= 0x10;
  }
}

}  // namespace
}  // namespace cwtch::log
