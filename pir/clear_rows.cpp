#include "pir/clear_rows.hpp"

#include <algorithm>

namespace cwtch::pir {

Bytes all_rows(const Geometry& geometry, const RowSource& rows) {
  Bytes bytes(geometry.bytes());
  for (uint64_t i = 0; i < geometry.rows; ++i) {
    rows.read(geometry.first_row + i, MutableBytes(bytes).subspan(i * geometry.row_bytes, geometry.row_bytes));
  }
  return bytes;
}

Result<std::vector<Row>> cut_rows(const Secret& secret, uint64_t first, uint32_t row_bytes, ByteView bytes) {
  std::vector<uint64_t> wanted = static_cast<const WantedRows&>(secret).wanted;
  std::sort(wanted.begin(), wanted.end());
  std::vector<Row> rows;
  for (const uint64_t number : wanted) {
    const uint64_t at = (number - first) * row_bytes;
    if (number < first || at + row_bytes > bytes.size()) return fail(Errc::malformed, "pir: the answer lacks a row");
    const ByteView row = bytes.subspan(at, row_bytes);
    rows.push_back({number, Bytes(row.begin(), row.end())});
  }
  return rows;
}

}  // namespace cwtch::pir
