// Files whose every write takes time: what is kept between two requests shows in when the second one begins.
#pragma once

#include <functional>

#include "engine/io/files.hpp"

namespace cwtch::test {

class SlowFiles final : public io::Files {
 public:
  // `files`: whose they are now. `writes` is called before each write.
  SlowFiles(std::function<io::Files&()> files, std::function<void(size_t bytes)> writes)
      : files_(std::move(files)), writes_(std::move(writes)) {}

  Result<io::File> open(const std::string& path, const io::OpenMode& mode) override {
    return files_().open(path, mode);
  }
  void close(io::File file) override { files_().close(file); }
  Result<size_t> read(io::File file, MutableBytes to, uint64_t offset) override {
    return files_().read(file, to, offset);
  }
  Status write(io::File file, ByteView bytes, uint64_t offset) override {
    writes_(bytes.size());
    return files_().write(file, bytes, offset);
  }
  Status sync(io::File file) override {
    writes_(0);
    return files_().sync(file);
  }
  Result<uint64_t> size(io::File file) override { return files_().size(file); }
  Status truncate(io::File file, uint64_t size) override { return files_().truncate(file, size); }
  Status make_directory(const std::string& path) override { return files_().make_directory(path); }
  Status sync_directory(const std::string& path) override { return files_().sync_directory(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return files_().list(path); }
  Status rename(const std::string& from, const std::string& to) override { return files_().rename(from, to); }
  Status unlink(const std::string& path) override { return files_().unlink(path); }
  Result<io::Space> space(const std::string& path) override { return files_().space(path); }
  Status set_times(const std::string& path, uint64_t seconds) override { return files_().set_times(path, seconds); }
  Result<io::File> lock(const std::string& path) override { return files_().lock(path); }

 private:
  const std::function<io::Files&()> files_;
  const std::function<void(size_t bytes)> writes_;
};

}  // namespace cwtch::test
