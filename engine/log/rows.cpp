#include "engine/log/rows.hpp"

#include <algorithm>

#include "engine/core/codec.hpp"

namespace cwtch::log {

void encode_rows(ByteView record, uint32_t row_bytes, MutableBytes rows) {
  CHECK(rows.size() == size_t{rows_of(record.size(), row_bytes)} * row_bytes);
  Writer out(rows);
  out.put(static_cast<uint16_t>(record.size()));
  out.put(record);
  out.zeros(rows.size() - out.size());
}

Result<Bytes> decode_rows(ByteView rows, uint32_t row_bytes) {
  Reader in(rows);
  const auto size = in.get<uint16_t>();
  const ByteView record = in.take(size);
  if (!in.ok() || size < kRecordBytesMin || size > kRecordBytesMax) return fail(Errc::malformed, "row: length");
  if (rows.size() != size_t{rows_of(size, row_bytes)} * row_bytes) return fail(Errc::malformed, "row: number of rows");
  const ByteView padding = in.rest();
  if (std::any_of(padding.begin(), padding.end(), [](uint8_t byte) { return byte != 0; })) {
    return fail(Errc::malformed, "row: bytes behind the record");
  }
  return Bytes(record.begin(), record.end());
}

}  // namespace cwtch::log
