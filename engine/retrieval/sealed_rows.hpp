// The rows of a stretch of the sealed log, read from its segments into memory: what a database is made of.
//
// Thread: any; load() and sealed_windows() block.
#pragma once

#include "engine/io/files.hpp"
#include "engine/log/layout.hpp"
#include "pir/scheme.hpp"
#include "pir/windows.hpp"

namespace cwtch::retrieval {

// Rows of the sealed log, by the segments' own counts: from the first retained to the one behind the last sealed.
struct SealedRange {
  uint64_t first_row = 0;
  uint64_t end_row = 0;
};
SealedRange sealed_range(const log::Layout& layout);

// The newest whole windows: what the index says of the hours in which rows were sealed. One that retention has begun to
// take is not whole, nor is the one of the hour that still runs. An error: an index that cannot be read.
Result<pir::WindowList> sealed_windows(io::Files& files, const log::Layout& layout, uint32_t row_bytes);

class SealedRows final : public pir::RowSource {
 public:
  // not_found: a row that no segment holds (any more); corrupt, io: a chunk is damaged.
  static Result<SealedRows> load(io::Files& files, const log::Layout& layout, uint64_t first_row, uint64_t rows,
                                 uint32_t row_bytes);

  void read(uint64_t row, MutableBytes to) const override;

 private:
  SealedRows(uint64_t first_row, uint32_t row_bytes, size_t bytes)
      : first_row_(first_row), row_bytes_(row_bytes), bytes_(bytes) {}
  Status add(io::Files& files, const log::Segment& segment);

  uint64_t first_row_;
  uint32_t row_bytes_;
  Bytes bytes_;
};

}  // namespace cwtch::retrieval
