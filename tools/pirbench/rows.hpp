// The rows of a database that is measured, in memory: those of a chat trace's records, or random bytes. The same for
// the same seed.
//
// Thread: any may read.
#pragma once

#include "engine/core/bytes.hpp"
#include "tools/pirbench/cells.hpp"

namespace cwtch::pirbench {

class Rows final : public pir::RowSource {
 public:
  Rows(uint32_t row_bytes, Bytes bytes) : row_bytes_(row_bytes), bytes_(std::move(bytes)) {}
  void read(uint64_t row, MutableBytes to) const override;
  ByteView operator[](uint64_t row) const { return ByteView(bytes_).subspan(row * row_bytes_, row_bytes_); }

 private:
  uint32_t row_bytes_;
  Bytes bytes_;
};

// log: each message of the trace, in the order of time, as the record that a member would post (tagged, sealed under
// its group's key and signed), in as many rows as it takes. Fails when a trace file has too few, or rows are smaller
// than a log's.
OrText<Rows> make_rows(const Database& database);

}  // namespace cwtch::pirbench
