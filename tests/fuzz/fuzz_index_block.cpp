// Blocks of the index stream from a server that lies. A block that is taken adds up: its entries are as many as its
// header says, lie in it one behind the other, and their rows follow each other. And whatever records there are, their
// block is taken, says of each what a second reading of docs/log_format.md section 7 says, and no changed byte of it
// goes unnoticed.
#include <algorithm>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/log/index_block.hpp"

using namespace cwtch;

namespace {

// Returns whether it is taken.
bool check_block(ByteView bytes) {
  const auto header = log::read_index_header(bytes);
  const auto block = log::IndexBlock::parse(bytes);
  if (!block) return false;
  CHECK(header);
  CHECK(header->block_bytes() == bytes.size());
  uint64_t row = header->first_row, rows = 0;
  uint32_t records = 0;
  const uint8_t* next = bytes.data() + bytes.size() - header->entries_bytes;
  block->for_each([&](const log::IndexEntry& entry) {
    CHECK(entry.position.value == header->first.value + records);
    CHECK(entry.row == row);
    CHECK(entry.rows >= 1 && entry.rows <= log::kRowsPerRecordMax);
    CHECK(entry.bytes.data() == next);
    CHECK(entry.bytes.size() == (entry.tagged ? 16u : 32u));
    next += entry.bytes.size();
    row += entry.rows;
    rows += entry.rows;
    ++records;
  });
  CHECK(records == header->records);
  CHECK(rows == header->rows);
  CHECK(next == bytes.data() + bytes.size());
  return true;
}

// What anyone can do: both checksums right.
void seal(Bytes& block) {
  if (block.size() < log::kIndexHeaderBytes) return;
  store_le<uint32_t>(block.data() + 40, crc32c(0, ByteView(block).subspan(log::kIndexHeaderBytes)));
  store_le<uint32_t>(block.data() + 44, crc32c(0, ByteView(block).first(44)));
}

// The input as records: two bytes of length before each, repeated bytes where it is short.
void build(ByteView bytes, uint8_t place, uint8_t change) {
  Reader reader(bytes);
  const uint32_t row_bytes = log::kRowBytesMin + reader.get<uint16_t>() % (log::kRowBytesMax - log::kRowBytesMin + 1);
  const log::Position first{reader.get<uint32_t>()};
  const uint64_t first_row = reader.get<uint32_t>();
  std::vector<Bytes> records;
  while (reader.rest().size() > 2 && records.size() < 40) {
    const size_t size =
        log::kRecordBytesMin + reader.get<uint16_t>() % (log::kRecordBytesMax - log::kRecordBytesMin + 1);
    const ByteView some = reader.take(std::min<size_t>(reader.rest().size(), size % 97 + 1));
    Bytes record(size);
    for (size_t i = 0; i < size; ++i) record[i] = some[i % some.size()];
    if (some.front() % 2 == 0) std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
    records.push_back(std::move(record));
  }
  log::IndexBlockBuilder builder(first, first_row, row_bytes);
  for (const Bytes& record : records) builder.add(record);
  Bytes block = builder.bytes();
  CHECK(block.size() == builder.block_bytes());
  CHECK(check_block(block));
  size_t at = 0;
  log::IndexBlock::parse(block)->for_each([&](const log::IndexEntry& entry) {
    const Bytes& record = records[at++];
    Bytes expected(record.begin() + 64, record.begin() + 80);
    CHECK(entry.tagged == (std::count(expected.begin(), expected.end(), 0) != 16));
    if (!entry.tagged) {
      expected.assign(record.begin() + 80, record.begin() + 104);
      for (size_t i = 120; i < 128; ++i) expected.push_back(i < record.size() ? record[i] : 0);
    }
    CHECK(equal_vartime(entry.bytes, expected));
    CHECK(entry.rows == (record.size() + 1) / row_bytes + 1);
  });
  if (change == 0) return;
  block[place * block.size() / 256] ^= change;
  CHECK(!check_block(block));
}

}  // namespace

// The first two bytes: which byte of a block that was built is changed, and how.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  Bytes input(data + 2, data + size);
  (void)check_block(input);
  seal(input);
  (void)check_block(input);
  build(ByteView(data + 2, size - 2), data[0], data[1]);
  return 0;
}
