#include "engine/client/row_file.hpp"

#include <algorithm>

namespace cwtch::client {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

}  // namespace

Result<std::unique_ptr<RowFile>> RowFile::create(io::Files& files, Random& random, const std::string& directory,
                                                 uint64_t first_row, uint32_t row_bytes, uint64_t bytes_max) {
  const Result<io::Space> space = files.space(directory);
  if (!space) return fail(Errc::io, "rows: no such directory for the temporary file");
  if (space->free_bytes < bytes_max) return fail(Errc::no_space, "rows: too little room for the temporary file");
  ByteArray<16> name;
  random.fill(name);
  const std::string path = directory + "/cwtchc-rows-" + to_hex(name);
  const Result<io::File> file = files.open(path, {.write = true, .create = true});
  if (!file) return fail(Errc::io, "rows: the temporary file cannot be made");
  io::OpenFile open(files, *file);
  if (!files.unlink(path)) return fail(Errc::io, "rows: the temporary file cannot be made");
  return std::unique_ptr<RowFile>(new RowFile(files, std::move(open), first_row, row_bytes));
}

RowFile::RowFile(io::Files& files, io::OpenFile file, uint64_t first_row, uint32_t row_bytes)
    : files_(files),
      file_(std::move(file)),
      first_row_(first_row),
      row_bytes_(row_bytes),
      next_row_(first_row),
      stretches_{{first_row, first_row}} {}

Status RowFile::append(ByteView row) {
  CHECK(row.size() == row_bytes_);
  buffer_.insert(buffer_.end(), row.begin(), row.end());
  stretches_.back().end_row = ++next_row_;
  return buffer_.size() < kWriteBytes ? Status() : flush();
}

Status RowFile::skip_to(uint64_t row) {
  CHECK(row >= next_row_);
  if (const Status written = flush(); !written) return written;
  next_row_ = row;
  stretches_.push_back({row, row});
  return {};
}

Status RowFile::flush() {
  if (buffer_.empty()) return {};
  const uint64_t end = (next_row_ - first_row_) * row_bytes_;
  const Status written = files_.write(file_.get(), buffer_, end - buffer_.size());
  buffer_.clear();
  if (!written) return fail(written.error().code, "rows: the temporary file cannot be written");
  return {};
}

bool RowFile::holds(uint64_t first_row, uint64_t rows) const {
  return std::any_of(stretches_.begin(), stretches_.end(), [&](const Stretch& stretch) {
    return stretch.first_row <= first_row && first_row + rows <= stretch.end_row;
  });
}

void RowFile::read(uint64_t row, MutableBytes to) const {
  const Result<size_t> size = files_.read(file_.get(), to, (row - first_row_) * row_bytes_);
  if (size && *size == to.size()) return;
  std::fill(to.begin(), to.end(), uint8_t{0});
  failed_ = true;
}

Status RowFile::status() const {
  if (failed_) return fail(Errc::io, "rows: the temporary file cannot be read");
  return {};
}

}  // namespace cwtch::client
