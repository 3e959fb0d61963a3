// The index stream from a server that lies, in pieces of any size: the same blocks whatever the pieces, each beginning
// where the last one ended, and never more in memory than was received. The input may have its checksums made right
// first, since anybody can.
#include <algorithm>

#include "engine/client/index_stream.hpp"
#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"

using namespace cwtch;

namespace {

struct Taken final : client::IndexStream::Visitor {
  explicit Taken(const client::IndexPlace& first) : next(first) {}
  void entry(const log::IndexEntry& entry) override {
    if (!begun) next.row = entry.row;  // what the stream learns from its first block
    begun = true;
    CHECK(entry.position.value == next.position && entry.row == next.row);
    CHECK(entry.rows >= 1 && entry.rows <= log::kRowsPerRecordMax);
    CHECK(entry.bytes.size() == (entry.tagged ? log::kEntryBytes : log::kProbeBytes));
    next = {next.position + 1, next.row + entry.rows};
    hash = crc32c(hash, entry.bytes);
  }
  Status block(const client::IndexPlace& end, uint32_t) override {
    CHECK(end.position == next.position);
    CHECK(!begun || end.row == next.row);
    ++blocks;
    return {};
  }
  client::IndexPlace next;
  bool begun = false;
  uint32_t hash = 0;
  size_t blocks = 0;
};

struct Outcome {
  size_t blocks = 0;
  uint32_t hash = 0;
  bool whole = false;
  client::IndexPlace place;
  uint32_t row_bytes = 0;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

template <class Cut>
Outcome read(ByteView bytes, uint64_t from, std::optional<client::IndexStream::Known> known, Cut cut) {
  client::IndexStream stream(from, known);
  Taken taken(stream.first());
  Status status;
  while (!bytes.empty() && status) {
    const size_t size = std::clamp<size_t>(cut(), 1, bytes.size());
    status = stream.received(bytes.first(size), taken);
    bytes = bytes.subspan(size);
  }
  CHECK(status || status.error().code == Errc::corrupt);
  const bool whole = status && stream.finish();
  return {taken.blocks, taken.hash, whole, stream.place(), stream.row_bytes()};
}

// Every block whose header fits into `bytes` gets its magic and checksums.
void reseal(Bytes& bytes) {
  constexpr ByteArray<8> kMagic{'C', 'W', 'T', 'I', 'N', 'D', 'X', '1'};
  for (MutableBytes rest(bytes); rest.size() >= log::kIndexHeaderBytes;) {
    std::copy(kMagic.begin(), kMagic.end(), rest.begin());
    store_le<uint32_t>(rest.data() + 44, crc32c(0, rest.first(44)));
    const auto header = log::read_index_header(rest);
    if (!header || header->block_bytes() > rest.size()) return;
    const MutableBytes block = rest.first(header->block_bytes());
    store_le<uint32_t>(block.data() + 40, crc32c(0, block.subspan(log::kIndexHeaderBytes)));
    store_le<uint32_t>(block.data() + 44, crc32c(0, block.first(44)));
    rest = rest.subspan(block.size());
  }
}

}  // namespace

// The first four bytes: where it is asked to begin, whether the row there is known, and how the pieces are cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const uint64_t from = data[0];
  std::optional<client::IndexStream::Known> known;
  if ((data[1] & 1) != 0) known = {data[2], log::kRowBytesDefault};
  Bytes bytes(data + 4, data + size);
  for (int round = 0; round < 2; ++round) {
    const Outcome whole = read(bytes, from, known, [] { return SIZE_MAX; });
    uint32_t state = data[3];
    CHECK(whole == read(bytes, from, known, [] { return 1; }));
    CHECK(whole == read(bytes, from, known, [&] { return (state = state * 1103515245 + 12345) >> 16 & 127; }));
    reseal(bytes);
  }
  return 0;
}
