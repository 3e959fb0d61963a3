// The on-disk and on-wire structures of the log. docs/log_format.md is normative; the static_asserts pin it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/core/bytes.hpp"

namespace cwtch::log {

// The number of a record: from 0, never reused.
struct Position {
  uint64_t value = 0;
  friend auto operator<=>(Position, Position) = default;
};

constexpr size_t kBlockBytes = 4096;  // unit of journal groups, chunk sizes and direct reads
constexpr size_t kFrameAlign = 16;
constexpr size_t kSignatureBytes = 64;
constexpr size_t kEntryBytes = 16;
constexpr size_t kNonceBytes = 24;
constexpr size_t kCiphertextBytesMin = kNonceBytes + 16;  // a nonce and a Poly1305 tag
constexpr size_t kCiphertextBytesMax = 6000;
constexpr size_t kRecordBytesMin = kSignatureBytes + kEntryBytes + kCiphertextBytesMin;
constexpr size_t kRecordBytesMax = kSignatureBytes + kEntryBytes + kCiphertextBytesMax;

enum class FrameKind : uint8_t {
  record = 1,  // payload: signature ‖ entry ‖ ciphertext
  filler = 2,  // payload: zeros
  anchor = 3,  // payload: chain before this chunk u32 ‖ zeros; position = first record behind it
  group = 4,   // journal only
};

struct FrameHeader {   // little-endian
  uint32_t size_kind;  // payload bytes | kind << 24
  uint32_t crc;
  uint64_t position;  // record: its own; others: of the next record
};
static_assert(sizeof(FrameHeader) == 16);

constexpr size_t kAnchorPayloadBytes = 16;
constexpr size_t kAnchorBytes = sizeof(FrameHeader) + kAnchorPayloadBytes;
constexpr size_t frame_bytes(size_t payload) {
  return (sizeof(FrameHeader) + payload + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
}
constexpr size_t kRecordFrameBytesMax = frame_bytes(kRecordBytesMax);

// What a record's bytes say by their place alone.
inline ByteView signature_of(ByteView record) { return record.first(kSignatureBytes); }
inline ByteView entry_of(ByteView record) { return record.subspan(kSignatureBytes, kEntryBytes); }
inline ByteView ciphertext_of(ByteView record) { return record.subspan(kSignatureBytes + kEntryBytes); }
inline ByteView nonce_of(ByteView record) { return ciphertext_of(record).first(kNonceBytes); }

// SHA-256("cwtch-entry" ‖ signature ‖ ciphertext), first eight bytes: what an entry that is not zeros begins with.
constexpr size_t kRecordHashBytes = 8;
ByteArray<kRecordHashBytes> record_hash(ByteView signature, ByteView ciphertext);

}  // namespace cwtch::log
