// The index stream: what a client downloads instead of the records to find its own among them. One block per range as
// it was sealed, in log order, and one for the tail; the same bytes for everybody. docs/log_format.md has every byte.
//
//   header | kinds: bit i set = record i is untagged | rows: a nibble per record | entries of 16, probes of 32 bytes
//
// A record is tagged when its entry is not zeros; its index entry is then that entry. Of an untagged record the index
// holds a probe: the nonce and the first eight ciphertext bytes behind the Poly1305 tag, which a member recognises by
// decrypting them. Rows are those of private retrieval: a record of n bytes takes rows_of(n) of them, and rows are
// numbered from the log's beginning as positions are.
//
// Thread: any; pure.
#pragma once

#include <vector>

#include "engine/log/format.hpp"

namespace cwtch::log {

constexpr size_t kIndexHeaderBytes = 52;
constexpr size_t kProbeBytes = 32;
constexpr size_t kProbeTextOffset = kNonceBytes + 16;  // in the ciphertext: behind nonce and Poly1305 tag
constexpr uint32_t kRowBytesDefault = 3072;
constexpr uint32_t kRowLengthBytes = 2;  // in front of a record in its first row
constexpr uint32_t kRowsPerRecordMax = 15;
constexpr uint32_t kRowBytesMin = 512;          // kRecordBytesMax fits in kRowsPerRecordMax of them
constexpr uint32_t kRowBytesMax = 65536;        // larger ones would only be padding
constexpr uint32_t kIndexRecordsMax = 1 << 20;  // of a block

static_assert(kRowLengthBytes + kRecordBytesMax <= uint64_t{kRowBytesMin} * kRowsPerRecordMax);

// REQUIRES: record_bytes <= kRecordBytesMax, row_bytes >= kRowBytesMin
constexpr uint32_t rows_of(size_t record_bytes, uint32_t row_bytes) {
  return static_cast<uint32_t>((kRowLengthBytes + record_bytes + row_bytes - 1) / row_bytes);
}

bool is_tagged(ByteView record);
// Ciphertext bytes that a short record lacks are zeros in its probe.
ByteArray<kProbeBytes> probe_of(ByteView record);

// What a block says of itself.
struct IndexHeader {
  Position first;
  uint64_t first_row = 0;  // rows before it, from the log's beginning
  uint32_t records = 0;
  uint32_t rows = 0;
  uint32_t row_bytes = kRowBytesDefault;
  uint32_t hour = 0;  // in which the records were divided from those to come, since 1970; 0: they are not yet
  uint32_t entries_bytes = 0;

  uint64_t block_bytes() const {
    return kIndexHeaderBytes + (uint64_t{records} + 7) / 8 + (uint64_t{records} + 1) / 2 + entries_bytes;
  }
};

// Builds one block, record by record.
class IndexBlockBuilder {
 public:
  IndexBlockBuilder(Position first, uint64_t first_row, uint32_t row_bytes, uint32_t hour = 0);

  void add(ByteView record);  // REQUIRES: records() < kIndexRecordsMax, a record's size is within the log's limits
  uint32_t records() const { return header_.records; }
  uint32_t rows() const { return header_.rows; }
  size_t block_bytes() const { return header_.block_bytes(); }
  // The block so far; add() may go on afterwards.
  Bytes bytes() const;

 private:
  IndexHeader header_;
  Bytes kinds_;
  Bytes rows_;
  Bytes entries_;
};

// One record in a block.
struct IndexEntry {
  Position position;
  uint64_t row;   // its first
  uint32_t rows;  // 1 to kRowsPerRecordMax
  bool tagged;
  ByteView bytes;  // kEntryBytes if tagged, kProbeBytes if not; into the block
};

// The header at the front of `bytes`, checked by its own CRC: how long the block is. malformed, also when `bytes` is
// shorter than a header.
Result<IndexHeader> read_index_header(ByteView bytes);

// A whole block, from anybody: every length, sum and CRC is checked before the first entry is handed out.
class IndexBlock {
 public:
  // malformed: what does not follow the format. REQUIRES nothing; `bytes` must outlive the block.
  static Result<IndexBlock> parse(ByteView bytes);

  const IndexHeader& header() const { return header_; }
  template <class Visit>
  void for_each(Visit&& visit) const {
    uint64_t row = header_.first_row;
    size_t entry = 0;
    for (uint32_t i = 0; i < header_.records; ++i) {
      const bool tagged = (kinds_[i / 8] >> (i % 8) & 1) == 0;
      const size_t size = tagged ? kEntryBytes : kProbeBytes;
      const uint32_t rows = rows_[i / 2] >> (i % 2 * 4) & 15;
      visit(IndexEntry{{header_.first.value + i}, row, rows, tagged, entries_.subspan(entry, size)});
      row += rows;
      entry += size;
    }
  }

 private:
  IndexHeader header_;
  ByteView kinds_, rows_, entries_;
};

}  // namespace cwtch::log
