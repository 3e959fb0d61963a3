#include <algorithm>

#include "engine/board/board.hpp"

namespace cwtch::board {

Status check_form(ByteView record) {
  if (record.size() > log::kRecordBytesMax) return fail(Errc::too_large, "record: longer than 6080 bytes");
  if (record.size() < log::kRecordBytesMin) return fail(Errc::malformed, "record: shorter than 120 bytes");
  const ByteView entry = log::entry_of(record);
  if (std::all_of(entry.begin(), entry.end(), [](uint8_t byte) { return byte == 0; })) return {};
  const auto hash = log::record_hash(log::signature_of(record), log::ciphertext_of(record));
  if (!equal_vartime(entry.first(hash.size()), hash)) {
    return fail(Errc::malformed, "record: entry is neither zeros nor made for this record");
  }
  return {};
}

static_assert(log::kRecordBytesMin == 120 && log::kRecordBytesMax == 6080);  // as the messages above say

}  // namespace cwtch::board
