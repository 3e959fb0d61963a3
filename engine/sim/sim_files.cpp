#include "engine/sim/sim_files.hpp"

#include <cerrno>

#include "engine/sim/world.hpp"

namespace cwtch::sim {
namespace {

Status status(int64_t result, const char* context, uint64_t offset = Error::kNoOffset) {
  if (result < 0) return fail_errno(static_cast<int>(-result), context, offset);
  return {};
}

}  // namespace

void SimFiles::wait() {
  if (world_ != nullptr) world_->wait_for_disk();
}

Result<io::File> SimFiles::open(const std::string& path, const io::OpenMode& mode) {
  wait();
  return disk_.open(path, mode);
}

void SimFiles::close(io::File file) { disk_.close(file); }

Result<size_t> SimFiles::read(io::File file, MutableBytes to, uint64_t offset) {
  wait();
  const int64_t got = disk_.read(file, to, offset, true);
  if (got < 0) return fail_errno(static_cast<int>(-got), "read", offset);
  return static_cast<size_t>(got);
}

Status SimFiles::write(io::File file, ByteView bytes, uint64_t offset) {
  const uint64_t write = disk_.write_start(file, bytes, offset, false);
  wait();
  return status(disk_.write_end(write, true), "write", offset);
}

Status SimFiles::sync(io::File file) {
  const uint64_t sync = disk_.sync_start(file);
  wait();
  return status(disk_.sync_end(sync), "sync");
}

Result<uint64_t> SimFiles::size(io::File file) { return disk_.size(file); }

Status SimFiles::truncate(io::File file, uint64_t size) {
  wait();
  return status(disk_.truncate(file, size), "truncate");
}

Status SimFiles::make_directory(const std::string& path) {
  wait();
  return status(disk_.make_directory(path), "mkdir");
}

Status SimFiles::sync_directory(const std::string& path) {
  const uint64_t sync = disk_.sync_directory_start(path);
  wait();
  return status(disk_.sync_directory_end(sync), "sync of a directory");
}

Result<std::vector<std::string>> SimFiles::list(const std::string& path) {
  wait();
  return disk_.list(path);
}

Status SimFiles::rename(const std::string& from, const std::string& to) {
  wait();
  return status(disk_.rename(from, to), "rename");
}

Status SimFiles::unlink(const std::string& path) {
  wait();
  return status(disk_.unlink(path), "unlink");
}

Result<io::Space> SimFiles::space(const std::string&) { return disk_.space(); }

Status SimFiles::set_times(const std::string& path, uint64_t) {
  return status(disk_.exists(path) ? 0 : -ENOENT, "utimens");
}

Result<io::File> SimFiles::lock(const std::string& path) { return disk_.lock(path); }

}  // namespace cwtch::sim
