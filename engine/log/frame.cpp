#include "engine/log/frame.hpp"

#include <sodium.h>

#include "engine/core/crc32c.hpp"
#include "engine/log/mutant.hpp"

namespace cwtch::log {
namespace {

static_assert(kAnchorBytes % kFrameAlign == 0 && GroupHeader::kFrameBytes % kFrameAlign == 0);
static_assert(kRecordBytesMax < 1 << 24, "a size has 24 bits");
static_assert(crypto_shorthash_siphash24_KEYBYTES == 16 && crypto_shorthash_siphash24_BYTES == 8);

constexpr uint32_t kSizeMask = (1u << 24) - 1;

uint32_t size_kind(size_t payload, FrameKind kind) {
  CHECK(payload <= kSizeMask);
  return static_cast<uint32_t>(payload) | static_cast<uint32_t>(kind) << 24;
}

// Over everything behind the CRC field, and the size before it. `seed` is the chain for records, 0 for others.
uint32_t frame_crc(ByteView frame, uint32_t seed) {
  uint8_t head[8];
  store_le(head, seed);
  std::memcpy(head + 4, frame.data(), 4);
  if (mutant(Mutant::header_checksum)) frame = frame.first(sizeof(FrameHeader));
  return crc32c(crc32c(0, head), frame.subspan(8));
}

// Header and padding of a frame whose payload is in place already.
size_t finish(MutableBytes to, FrameKind kind, size_t payload, Position position, uint32_t seed, uint32_t* crc) {
  const size_t size = frame_bytes(payload);
  CHECK(to.size() >= size);
  store_le(to.data(), size_kind(payload, kind));
  store_le(to.data() + 8, position.value);
  const size_t used = sizeof(FrameHeader) + payload;
  std::memset(to.data() + used, 0, size - used);
  *crc = frame_crc(to.first(size), seed);
  store_le(to.data() + 4, *crc);
  return size;
}

}  // namespace

size_t write_record(MutableBytes to, Position position, ByteView record, uint32_t* chain) {
  CHECK(record.size() >= kRecordBytesMin && record.size() <= kRecordBytesMax);
  CHECK(to.size() >= frame_bytes(record.size()));
  std::memcpy(to.data() + sizeof(FrameHeader), record.data(), record.size());
  return finish(to, FrameKind::record, record.size(), position, *chain, chain);
}

size_t write_anchor(MutableBytes to, Position next, uint32_t chain) {
  CHECK(to.size() >= kAnchorBytes);
  std::memset(to.data() + sizeof(FrameHeader), 0, kAnchorPayloadBytes);
  store_le(to.data() + sizeof(FrameHeader), chain);
  uint32_t crc;
  return finish(to, FrameKind::anchor, kAnchorPayloadBytes, next, 0, &crc);
}

size_t write_filler(MutableBytes to, Position next, size_t size) {
  CHECK(size >= sizeof(FrameHeader) && size % kFrameAlign == 0);
  CHECK(to.size() >= size);
  const size_t payload = size - sizeof(FrameHeader);
  std::memset(to.data() + sizeof(FrameHeader), 0, payload);
  uint32_t crc;
  return finish(to, FrameKind::filler, payload, next, 0, &crc);
}

size_t write_group(MutableBytes to, const GroupHeader& group, const ByteArray<16>& secret) {
  CHECK(group.group_bytes % kBlockBytes == 0 && group.group_bytes > 0);
  Writer writer(to.subspan(sizeof(FrameHeader), GroupHeader::kPayloadBytes));
  writer.put(group.sequence);
  writer.put(group.records_count);
  writer.put(group.chain_before);
  writer.put(group.group_bytes);
  writer.zeros(4);
  writer.put(uint64_t{0});  // the MAC, below: it covers the header too
  store_le(to.data(), size_kind(GroupHeader::kPayloadBytes, FrameKind::group));
  store_le(to.data() + 4, uint32_t{0});
  store_le(to.data() + 8, group.first.value);
  crypto_shorthash_siphash24(to.data() + GroupHeader::kFrameBytes - 8, to.data(), GroupHeader::kFrameBytes - 8,
                             secret.data());
  uint32_t crc;
  return finish(to, FrameKind::group, GroupHeader::kPayloadBytes, group.first, 0, &crc);
}

std::optional<GroupHeader> read_group(ByteView block, const ByteArray<16>& secret) {
  if (block.size() < GroupHeader::kFrameBytes) return std::nullopt;
  uint8_t frame[GroupHeader::kFrameBytes];
  std::memcpy(frame, block.data(), sizeof frame);
  if (load_le<uint32_t>(frame) != size_kind(GroupHeader::kPayloadBytes, FrameKind::group)) return std::nullopt;
  if (load_le<uint32_t>(frame + 4) != frame_crc(frame, 0)) return std::nullopt;
  store_le(frame + 4, uint32_t{0});
  uint8_t mac[8];
  crypto_shorthash_siphash24(mac, frame, sizeof frame - 8, secret.data());
  if (sodium_memcmp(mac, frame + sizeof frame - 8, 8) != 0) return std::nullopt;

  Reader reader(ByteView(frame).subspan(8));
  GroupHeader group;
  group.first = {reader.get<uint64_t>()};
  group.sequence = reader.get<uint64_t>();
  group.records_count = reader.get<uint32_t>();
  group.chain_before = reader.get<uint32_t>();
  group.group_bytes = reader.get<uint32_t>();
  if (group.group_bytes == 0 || group.group_bytes % kBlockBytes != 0) return std::nullopt;
  return group;
}

Result<std::optional<Frame>> FrameWalker::next() {
  const ByteView rest = bytes_.subspan(offset_);
  if (rest.size() < sizeof(FrameHeader)) return std::nullopt;
  const auto size_and_kind = load_le<uint32_t>(rest.data());
  const auto crc = load_le<uint32_t>(rest.data() + 4);
  const Position position{load_le<uint64_t>(rest.data() + 8)};
  const size_t payload = size_and_kind & kSizeMask;
  const auto kind = static_cast<FrameKind>(size_and_kind >> 24);
  switch (kind) {
    case FrameKind::record:
      if (payload < kRecordBytesMin || payload > kRecordBytesMax)
        return fail(Errc::corrupt, "frame: record of impossible size", offset_);
      if (take_chain_) return fail(Errc::corrupt, "frame: an anchor must come first", offset_);
      break;
    case FrameKind::filler:
      break;
    case FrameKind::anchor:
      if (payload != kAnchorPayloadBytes) return fail(Errc::corrupt, "frame: anchor of impossible size", offset_);
      break;
    default:
      return fail(Errc::corrupt, "frame: unknown kind", offset_);
  }
  if (position != next_) return fail(Errc::corrupt, "frame: position out of order", offset_);
  const size_t size = frame_bytes(payload);
  if (size > rest.size()) return std::nullopt;
  const ByteView frame = rest.first(size);
  const uint32_t wanted = frame_crc(frame, kind == FrameKind::record ? chain_ : 0);
  if (crc != wanted && !mutant(Mutant::no_checksum)) return fail(Errc::corrupt, "frame: checksum differs", offset_);

  const ByteView body = frame.subspan(sizeof(FrameHeader), payload);
  if (kind == FrameKind::anchor) {
    const auto chain = load_le<uint32_t>(body.data());
    if (!take_chain_ && chain != chain_)
      return fail(Errc::corrupt, "frame: anchor does not continue the chain", offset_);
    chain_ = chain;
    take_chain_ = false;
  }
  const Frame found{kind, position, body, offset_, size};
  offset_ += size;
  if (kind == FrameKind::record) {
    chain_ = crc;
    next_.value += 1;
  }
  return found;
}

Result<ChunkEnd> verify_chunk(ByteView chunk, Position first, uint32_t chain) {
  FrameWalker walker(chunk, first, chain);
  for (bool opened = false;; opened = true) {
    const Result<std::optional<Frame>> frame = walker.next();
    if (!frame) return fail(frame.error());
    if (!*frame) break;
    if (!opened && (*frame)->kind != FrameKind::anchor)
      return fail(Errc::corrupt, "chunk: does not open with an anchor", 0);
    if (opened && (*frame)->kind == FrameKind::anchor)
      return fail(Errc::corrupt, "chunk: second anchor", walker.offset());
  }
  if (!walker.rest().empty()) return fail(Errc::corrupt, "chunk: ends inside a frame", walker.offset());
  return ChunkEnd{walker.position(), walker.chain()};
}

}  // namespace cwtch::log
