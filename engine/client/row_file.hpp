// Rows of a log in a file without a name: written once in their order, perhaps with gaps, and then read in any. What
// the file holds is gone with the process, however that ends.
//
// Thread: append() and skip_to(): one. read(): any number, when nothing is appended any more.
// Memory: one write's worth of rows.
#pragma once

#include <atomic>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/io/files.hpp"
#include "pir/scheme.hpp"

namespace cwtch::client {

class RowFile final : public pir::RowSource {
 public:
  // In `directory`, from row `first_row` on. no_space: fewer than `bytes_max` bytes are free there.
  static Result<std::unique_ptr<RowFile>> create(io::Files& files, Random& random, const std::string& directory,
                                                 uint64_t first_row, uint32_t row_bytes, uint64_t bytes_max);

  // The next row.
  Status append(ByteView row);
  // Behind a gap: the row that is appended next. REQUIRES: none of these was appended.
  Status skip_to(uint64_t row);
  // Nothing more will be appended.
  Status finish() { return flush(); }

  uint64_t next_row() const { return next_row_; }
  // Whether all of them were appended.
  bool holds(uint64_t first_row, uint64_t rows) const;

  // REQUIRES: holds() it, and finish() was called. What cannot be read is zeros, and status() says so.
  void read(uint64_t row, MutableBytes to) const override;
  Status status() const;

 private:
  RowFile(io::Files& files, io::OpenFile file, uint64_t first_row, uint32_t row_bytes);
  Status flush();

  struct Stretch {
    uint64_t first_row, end_row;
  };

  io::Files& files_;
  const io::OpenFile file_;
  const uint64_t first_row_;
  const uint32_t row_bytes_;
  uint64_t next_row_;
  std::vector<Stretch> stretches_;  // what was appended, by position
  Bytes buffer_;                    // the rows before next_row_ that are not in the file yet
  mutable std::atomic<bool> failed_{false};
};

}  // namespace cwtch::client
