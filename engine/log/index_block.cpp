#include "engine/log/index_block.hpp"

#include <algorithm>
#include <bit>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"

namespace cwtch::log {
namespace {

constexpr ByteArray<8> kMagic{'C', 'W', 'T', 'I', 'N', 'D', 'X', '2'};
constexpr size_t kHeaderCrcOffset = kIndexHeaderBytes - 4;

}  // namespace

bool is_tagged(ByteView record) {
  const ByteView entry = entry_of(record);
  return std::any_of(entry.begin(), entry.end(), [](uint8_t byte) { return byte != 0; });
}

ByteArray<kProbeBytes> probe_of(ByteView record) {
  ByteArray<kProbeBytes> probe{};
  const ByteView ciphertext = ciphertext_of(record);
  std::copy_n(ciphertext.begin(), kNonceBytes, probe.begin());
  const ByteView text = ciphertext.subspan(kProbeTextOffset);
  std::copy_n(text.begin(), std::min(text.size(), kProbeBytes - kNonceBytes), probe.begin() + kNonceBytes);
  return probe;
}

IndexBlockBuilder::IndexBlockBuilder(Position first, uint64_t first_row, uint32_t row_bytes, uint32_t hour) {
  CHECK(row_bytes >= kRowBytesMin && row_bytes <= kRowBytesMax);
  header_.first = first;
  header_.first_row = first_row;
  header_.row_bytes = row_bytes;
  header_.hour = hour;
}

void IndexBlockBuilder::add(ByteView record) {
  CHECK(header_.records < kIndexRecordsMax);
  CHECK(record.size() >= kRecordBytesMin && record.size() <= kRecordBytesMax);
  const uint32_t number = header_.records++;
  const uint32_t rows = rows_of(record.size(), header_.row_bytes);
  header_.rows += rows;

  if (number % 8 == 0) kinds_.push_back(0);
  if (number % 2 == 0) rows_.push_back(0);
  rows_.back() = static_cast<uint8_t>(rows_.back() | rows << (number % 2 * 4));
  if (is_tagged(record)) {
    const ByteView entry = entry_of(record);
    entries_.insert(entries_.end(), entry.begin(), entry.end());
  } else {
    kinds_.back() = static_cast<uint8_t>(kinds_.back() | 1u << number % 8);
    const auto probe = probe_of(record);
    entries_.insert(entries_.end(), probe.begin(), probe.end());
  }
  header_.entries_bytes = static_cast<uint32_t>(entries_.size());
}

Bytes IndexBlockBuilder::bytes() const {
  Bytes block(header_.block_bytes());
  Writer body(MutableBytes(block).subspan(kIndexHeaderBytes));
  body.put(ByteView(kinds_));
  body.put(ByteView(rows_));
  body.put(ByteView(entries_));
  Writer head(MutableBytes(block).first(kIndexHeaderBytes));
  head.put(ByteView(kMagic));
  head.put<uint64_t>(header_.first.value);
  head.put<uint64_t>(header_.first_row);
  head.put<uint32_t>(header_.records);
  head.put<uint32_t>(header_.rows);
  head.put<uint32_t>(header_.row_bytes);
  head.put<uint32_t>(header_.hour);
  head.put<uint32_t>(header_.entries_bytes);
  head.put<uint32_t>(crc32c(0, ByteView(block).subspan(kIndexHeaderBytes)));
  head.put<uint32_t>(crc32c(0, ByteView(block).first(kHeaderCrcOffset)));
  return block;
}

Result<IndexHeader> read_index_header(ByteView bytes) {
  if (bytes.size() < kIndexHeaderBytes) return fail(Errc::malformed, "index: shorter than a block's header");
  Reader in(bytes.first(kIndexHeaderBytes));
  const bool known = equal_vartime(in.take(kMagic.size()), kMagic);
  IndexHeader header;
  header.first.value = in.get<uint64_t>();
  header.first_row = in.get<uint64_t>();
  header.records = in.get<uint32_t>();
  header.rows = in.get<uint32_t>();
  header.row_bytes = in.get<uint32_t>();
  header.hour = in.get<uint32_t>();
  header.entries_bytes = in.get<uint32_t>();
  in.get<uint32_t>();  // the body's CRC: IndexBlock::parse
  const uint32_t crc = in.get<uint32_t>();
  if (!known) return fail(Errc::malformed, "index: not a block");
  if (crc != crc32c(0, bytes.first(kHeaderCrcOffset)))
    return fail(Errc::malformed, "index: the header's checksum differs");
  if (header.records > kIndexRecordsMax) return fail(Errc::malformed, "index: a block of too many records");
  if (header.row_bytes < kRowBytesMin || header.row_bytes > kRowBytesMax) {
    return fail(Errc::malformed, "index: no such size of rows");
  }
  if (header.first.value > UINT64_MAX - header.records || header.first_row > UINT64_MAX - header.rows) {
    return fail(Errc::malformed, "index: positions beyond any log");
  }
  const uint64_t records = header.records;
  if (header.entries_bytes < records * kEntryBytes || header.entries_bytes > records * kProbeBytes) {
    return fail(Errc::malformed, "index: size of the entries");
  }
  return header;
}

Result<IndexBlock> IndexBlock::parse(ByteView bytes) {
  const auto header = read_index_header(bytes);
  if (!header) return fail(header.error());
  if (bytes.size() != header->block_bytes()) return fail(Errc::malformed, "index: size of the block");
  const ByteView body = bytes.subspan(kIndexHeaderBytes);
  if (load_le<uint32_t>(bytes.data() + kHeaderCrcOffset - 4) != crc32c(0, body)) {
    return fail(Errc::malformed, "index: the block's checksum differs");
  }
  IndexBlock block;
  block.header_ = *header;
  Reader in(body);
  block.kinds_ = in.take((header->records + 7) / 8);
  block.rows_ = in.take((header->records + 1) / 2);
  block.entries_ = in.rest();

  uint64_t rows = 0, untagged = 0;
  for (uint32_t i = 0; i < header->records; ++i) {
    const uint32_t of_record = block.rows_[i / 2] >> (i % 2 * 4) & 15;
    if (of_record == 0) return fail(Errc::malformed, "index: a record without rows");
    rows += of_record;
    untagged += block.kinds_[i / 8] >> (i % 8) & 1;
  }
  // Unused bits would be a place for marks that tell one client's copy from another's.
  if (header->records % 8 != 0 && block.kinds_.back() >> header->records % 8 != 0) {
    return fail(Errc::malformed, "index: bits behind the last record");
  }
  if (header->records % 2 != 0 && block.rows_.back() >> 4 != 0) {
    return fail(Errc::malformed, "index: bits behind the last record");
  }
  if (rows != header->rows) return fail(Errc::malformed, "index: sum of the rows");
  if (header->entries_bytes != header->records * kEntryBytes + untagged * (kProbeBytes - kEntryBytes)) {
    return fail(Errc::malformed, "index: size of the entries");
  }
  return block;
}

}  // namespace cwtch::log
