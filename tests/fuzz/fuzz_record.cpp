// Any bytes as a posted record, as a stream of frames and as what a server might send a client: refused or taken, and
// what is taken comes back byte for byte.
#include "engine/board/board.hpp"
#include "engine/client/record_stream.hpp"
#include "engine/core/check.hpp"
#include "engine/log/frame.hpp"

using namespace cwtch;

namespace {

void as_record(ByteView record) {
  if (!board::check_form(record)) return;
  CHECK(record.size() >= log::kRecordBytesMin && record.size() <= log::kRecordBytesMax);
  Bytes chunk(16384);
  uint32_t chain = 7;
  size_t at = log::write_anchor(chunk, {3}, chain);
  at += log::write_record(MutableBytes(chunk).subspan(at), {3}, record, &chain);
  log::write_filler(MutableBytes(chunk).subspan(at), {4}, chunk.size() - at);
  const auto end = log::verify_chunk(chunk, {3}, 7);
  CHECK(end && end->next.value == 4 && end->chain == chain);
  log::FrameWalker walker(chunk, {3}, 7);
  CHECK(walker.next());
  const auto frame = walker.next();
  CHECK(frame && *frame && equal_vartime((*frame)->payload, record));
}

void as_stream(ByteView bytes, size_t piece) {
  client::RecordStream stream({0}, 0);
  uint64_t next = 0;
  while (!bytes.empty()) {
    const MutableBytes room = stream.room();
    const size_t size = std::min({piece, bytes.size(), room.size()});
    std::memcpy(room.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    const Status received = stream.received(size, [&](log::Position position, ByteView record) -> Status {
      CHECK(position.value == next++);
      CHECK(record.size() >= log::kRecordBytesMin);
      return {};
    });
    if (!received) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  as_record(bytes);
  as_stream(bytes, SIZE_MAX);
  as_stream(bytes, 13);
  (void)log::verify_chunk(bytes, {0}, 0);
  (void)log::read_group(bytes, ByteArray<16>{});
  return 0;
}
