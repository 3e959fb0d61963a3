// docs/log_format.md is normative: its worked examples are read from the page itself, decoded, and written again.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::log {
namespace {

// The bytes of a ```hex block, counted from 0: lines of an offset and sixteen bytes.
Bytes example(int which) {
  std::ifstream file("docs/log_format.md");
  std::string line;
  Bytes bytes;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line == "```hex") {
      inside = which-- == 0;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      EXPECT_EQ(std::stoul(word, nullptr, 16), bytes.size());
      while (words >> word) bytes.push_back(static_cast<uint8_t>(std::stoul(word, nullptr, 16)));
    }
  }
  return bytes;
}

TEST(LogFormat, WorkedExampleIsWhatTheReaderReads) {
  const Bytes bytes = example(0);
  ASSERT_EQ(bytes.size(), 352u);
  FrameWalker walker(bytes, {0});
  std::vector<std::pair<FrameKind, size_t>> frames;
  std::vector<Bytes> records;
  while (true) {
    const auto frame = walker.next();
    ASSERT_TRUE(frame) << frame.error().message();
    if (!*frame) break;
    frames.emplace_back((*frame)->kind, (*frame)->payload.size());
    if ((*frame)->kind == FrameKind::record) records.emplace_back((*frame)->payload.begin(), (*frame)->payload.end());
  }
  EXPECT_TRUE(walker.rest().empty());
  const std::vector<std::pair<FrameKind, size_t>> expected = {
      {FrameKind::anchor, 16}, {FrameKind::record, 120}, {FrameKind::record, 121}, {FrameKind::filler, 16}};
  EXPECT_EQ(frames, expected);
  ASSERT_EQ(records.size(), 2u);
  for (size_t i = 0; i < 120; ++i) EXPECT_EQ(records[0][i], i >= 64 && i < 80 ? 0 : i);
  for (size_t i = 0; i < 121; ++i) EXPECT_EQ(records[1][i], i >= 64 && i < 80 ? 0 : 0xFF - i);

  Bytes again(bytes.size());
  uint32_t chain = 0;
  size_t at = write_anchor(again, {0}, chain);
  at += write_record(MutableBytes(again).subspan(at), {0}, records[0], &chain);
  EXPECT_EQ(chain, 0xb65c5ddfu);  // as the text says
  at += write_record(MutableBytes(again).subspan(at), {1}, records[1], &chain);
  at += write_filler(MutableBytes(again).subspan(at), {2}, 32);
  EXPECT_EQ(at, again.size());
  EXPECT_EQ(again, bytes);
}

TEST(LogFormat, WorkedExampleOfAnIndexBlock) {
  Bytes records[] = {Bytes(120), Bytes(121), Bytes(3100, 0xAA)};
  for (size_t i = 0; i < 120; ++i) records[0][i] = static_cast<uint8_t>(i >= 64 && i < 80 ? 0 : i);
  for (size_t i = 0; i < 121; ++i) records[1][i] = static_cast<uint8_t>(i >= 64 && i < 80 ? 0 : 0xFF - i);
  for (size_t i = 0; i < kEntryBytes; ++i) records[2][64 + i] = static_cast<uint8_t>(0x10 + i);
  IndexBlockBuilder builder({0}, 0, 3072, 490'000);
  for (const Bytes& record : records) builder.add(record);
  EXPECT_EQ(builder.bytes(), example(1));

  const Bytes bytes = example(1);
  ASSERT_EQ(bytes.size(), 135u);
  const auto block = IndexBlock::parse(bytes);
  ASSERT_TRUE(block) << block.error().message();
  EXPECT_EQ(block->header().records, 3u);
  EXPECT_EQ(block->header().rows, 4u);
  EXPECT_EQ(block->header().hour, 490'000u);
  std::vector<std::tuple<uint64_t, uint64_t, uint32_t, bool, uint8_t>> entries;
  block->for_each([&](const IndexEntry& entry) {
    entries.emplace_back(entry.position.value, entry.row, entry.rows, entry.tagged, entry.bytes.front());
  });
  const std::vector<std::tuple<uint64_t, uint64_t, uint32_t, bool, uint8_t>> expected = {
      {0, 0, 1, false, 0x50}, {1, 1, 1, false, 0xAF}, {2, 2, 2, true, 0x10}};
  EXPECT_EQ(entries, expected);
}

}  // namespace
}  // namespace cwtch::log
