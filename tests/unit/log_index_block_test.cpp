// The index stream's blocks: what is built is what is parsed, and nothing else is.
#include <gmock/gmock.h>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::log {
namespace {

Bytes make_record(size_t bytes, bool tagged, uint8_t salt) {
  Bytes record(bytes);
  for (size_t i = 0; i < bytes; ++i) record[i] = static_cast<uint8_t>(i * 7 + salt);
  if (!tagged) std::fill_n(record.begin() + kSignatureBytes, kEntryBytes, uint8_t{0});
  return record;
}

struct Records {
  std::vector<Bytes> records;
  Bytes block;
};

Records make_block(uint32_t count, uint32_t row_bytes = kRowBytesDefault) {
  Records made;
  IndexBlockBuilder builder({1000}, 1234, row_bytes);
  for (uint32_t i = 0; i < count; ++i) {
    const size_t bytes = i % 5 == 0 ? kRecordBytesMax : kRecordBytesMin + i % 100;
    made.records.push_back(make_record(bytes, i % 3 != 0, static_cast<uint8_t>(i)));
    builder.add(made.records.back());
  }
  made.block = builder.bytes();
  return made;
}

// Changes something in the body and makes both checksums right again: what a lying server can do.
void reseal(Bytes& block) {
  store_le<uint32_t>(block.data() + 40, crc32c(0, ByteView(block).subspan(kIndexHeaderBytes)));
  store_le<uint32_t>(block.data() + kIndexHeaderBytes - 4, crc32c(0, ByteView(block).first(kIndexHeaderBytes - 4)));
}

TEST(LogIndexBlock, EveryRecordIsFoundWithItsPlaceAndKind) {
  for (const uint32_t count : {0u, 1u, 2u, 7u, 8u, 9u, 64u, 65u}) {
    for (const uint32_t row_bytes : {kRowBytesMin, kRowBytesDefault}) {
      const auto made = make_block(count, row_bytes);
      const auto block = IndexBlock::parse(made.block);
      ASSERT_TRUE(block) << block.error().message();
      EXPECT_EQ(block->header().records, count);
      uint32_t seen = 0;
      uint64_t row = 1234;
      block->for_each([&](const IndexEntry& entry) {
        const Bytes& record = made.records[seen];
        EXPECT_EQ(entry.position.value, 1000 + seen);
        EXPECT_EQ(entry.row, row);
        EXPECT_EQ(entry.rows, rows_of(record.size(), row_bytes));
        EXPECT_EQ(entry.tagged, seen % 3 != 0);
        const auto probe = probe_of(record);
        EXPECT_TRUE(equal_vartime(entry.bytes, entry.tagged ? entry_of(record) : ByteView(probe)));
        row += entry.rows;
        ++seen;
      });
      EXPECT_EQ(seen, count);
      EXPECT_EQ(row, 1234 + block->header().rows);
    }
  }
}

TEST(LogIndexBlock, EveryFlippedBitIsNoticed) {
  auto made = make_block(9);
  for (size_t bit = 0; bit < made.block.size() * 8; ++bit) {
    made.block[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(IndexBlock::parse(made.block)) << bit;
    made.block[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  for (size_t size = 0; size < made.block.size(); ++size) {
    EXPECT_FALSE(IndexBlock::parse(ByteView(made.block).first(size))) << size;
  }
}

// With right checksums: bits behind the last record would mark a client's copy, sums that differ would shift rows.
TEST(LogIndexBlock, WhatDoesNotAddUpIsRefused) {
  const auto made = make_block(9);
  const size_t kinds = kIndexHeaderBytes, rows = kinds + 2;
  const auto refused = [&](size_t at, uint8_t flip) {
    Bytes block = made.block;
    block[at] ^= flip;
    reseal(block);
    return !IndexBlock::parse(block);
  };
  EXPECT_TRUE(refused(kinds + 1, 0x80)) << "bit behind the last kind";
  EXPECT_TRUE(refused(rows + 4, 0x10)) << "nibble behind the last record";
  EXPECT_TRUE(refused(kinds, 0x01)) << "a kind that changes the size of the entries";
  EXPECT_TRUE(refused(rows, 0x02)) << "more rows than the header says";
  EXPECT_TRUE(refused(28, 0x01)) << "sum of the rows";
  EXPECT_TRUE(refused(36, 0x10)) << "size of the entries";
  Bytes beyond = made.block;
  store_le<uint64_t>(beyond.data() + 8, UINT64_MAX - 3);
  reseal(beyond);
  EXPECT_FALSE(IndexBlock::parse(beyond)) << "positions beyond any log";
}

}  // namespace
}  // namespace cwtch::log
