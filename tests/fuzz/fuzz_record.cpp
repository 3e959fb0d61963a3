// Records from hostile clients, from the board's check to the frame and back: what is accepted is framed, read back
// the same, and no changed byte of the frame goes unnoticed. The input is also read as frames: by the server's walker,
// and as a client reads what a server sends.
#include <openssl/sha.h>

#include <algorithm>

#include "engine/board/board.hpp"
#include "engine/client/record_stream.hpp"
#include "engine/log/frame.hpp"

using namespace cwtch;

namespace {

// The rule of docs/log_format.md section 1.1, written down a second time.
bool form_ok(ByteView record) {
  if (record.size() < 120 || record.size() > 6080) return false;
  const ByteView entry = record.subspan(64, 16);
  if (std::count(entry.begin(), entry.end(), 0) == 16) return true;
  Bytes hashed;
  for (const char c : std::string_view("cwtch-entry")) hashed.push_back(static_cast<uint8_t>(c));
  hashed.insert(hashed.end(), record.begin(), record.begin() + 64);
  hashed.insert(hashed.end(), record.begin() + 80, record.end());
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(hashed.data(), hashed.size(), digest);
  return std::equal(entry.begin(), entry.begin() + 8, digest);
}

void round_trip(ByteView record, uint8_t place, uint8_t change) {
  const log::Position position{record[0] * 1000u};
  const uint32_t chain_before = load_le<uint32_t>(record.data());
  uint8_t frame[log::kRecordFrameBytesMax];
  uint32_t chain = chain_before;
  const size_t size = log::write_record(frame, position, record, &chain);
  CHECK(size == log::frame_bytes(record.size()));

  log::FrameWalker walker(ByteView(frame).first(size), position, chain_before);
  const auto read = walker.next();
  CHECK(read && *read);
  CHECK((*read)->kind == log::FrameKind::record);
  CHECK((*read)->position == position);
  CHECK(equal_vartime((*read)->payload, record));
  CHECK(walker.chain() == chain);
  CHECK(walker.rest().empty());

  if (change == 0) return;
  frame[place * size / 256] ^= change;
  log::FrameWalker again(ByteView(frame).first(size), position, chain_before);
  const auto damaged = again.next();
  CHECK(!damaged || !*damaged);  // refused, or the size now reaches beyond what there is
}

void walk(ByteView bytes) {
  log::FrameWalker walker(bytes, log::Position{0});
  size_t frames = 0;
  while (true) {
    const auto frame = walker.next();
    if (!frame || !*frame) break;
    CHECK((*frame)->offset + (*frame)->bytes <= bytes.size());
    CHECK(++frames <= bytes.size() / log::kFrameAlign);
  }
  (void)log::verify_chunk(bytes, log::Position{0}, 0);
  (void)log::read_group(bytes, ByteArray<16>{});
}

struct Collector final : client::RecordStream::Visitor {
  Status record(log::Position position, ByteView bytes, uint32_t) override {
    CHECK(position.value == records.size());
    CHECK(bytes.size() >= log::kRecordBytesMin && bytes.size() <= log::kRecordBytesMax);
    records.emplace_back(bytes.begin(), bytes.end());
    return {};
  }
  void anchor(log::Position, uint32_t) override {}
  std::vector<Bytes> records;
};

// The records that a client takes from a server's bytes, however they arrive.
std::vector<Bytes> received(ByteView bytes, size_t piece) {
  client::RecordStream stream({0}, 0);
  Collector collector;
  while (!bytes.empty()) {
    const MutableBytes room = stream.room();
    const size_t size = std::min({piece, bytes.size(), room.size()});
    std::copy_n(bytes.begin(), size, room.begin());
    bytes = bytes.subspan(size);
    if (!stream.received(size, collector)) break;
  }
  return collector.records;
}

}  // namespace

// The first three bytes: what is made of the entry and whether a client reads the input, and which byte of the frame is
// changed how.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  Bytes record(data + 3, data + size);
  walk(record);
  // A stream has a buffer of half a MiB to clear: not for every input.
  if ((data[0] & 12) == 4) CHECK(received(record, SIZE_MAX) == received(record, 13));
  if (record.size() >= log::kRecordBytesMin && record.size() <= log::kRecordBytesMax) {
    const auto entry = record.begin() + log::kSignatureBytes;
    if ((data[0] & 3) == 1) std::fill_n(entry, log::kEntryBytes, uint8_t{0});
    if ((data[0] & 3) == 2) {
      const auto hash = log::record_hash(log::signature_of(record), log::ciphertext_of(record));
      std::copy(hash.begin(), hash.end(), entry);
    }
  }
  const Status form = board::check_form(record);
  CHECK(form.has_value() == form_ok(record));
  if (form) {
    round_trip(record, data[1], data[2]);
  } else {
    CHECK(form.error().code == (record.size() > log::kRecordBytesMax ? Errc::too_large : Errc::malformed));
  }
  return 0;
}
