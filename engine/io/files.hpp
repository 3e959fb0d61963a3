// The seam for file work that may block: start-up, recovery, sealing on a worker thread, tools. The hot path uses
// Io::read and Io::write on files opened here.
//
// Thread:  any; an implementation locks where it must.
// Paths:   relative ones are resolved by the process; the log always passes "directory/name".
// Errors:  of the kernel, as Error with errno; EINTR is retried.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/io/operation.hpp"

namespace cwtch::io {

struct OpenMode {
  bool write = false;
  bool create = false;  // new file, 0600; an existing one is an error (exclusive)
  bool direct = false;  // O_DIRECT; falls back to buffered where the file system refuses it
};

struct Space {
  uint64_t total_bytes;
  uint64_t free_bytes;  // for us, not for root
};

class Files {
 public:
  virtual ~Files() = default;

  virtual Result<File> open(const std::string& path, const OpenMode& mode) = 0;
  virtual void close(File file) = 0;
  // Reads until `to` is full or the file ends; returns how much.
  virtual Result<size_t> read(File file, MutableBytes to, uint64_t offset) = 0;
  virtual Status write(File file, ByteView bytes, uint64_t offset) = 0;  // all of them, or an error
  virtual Status sync(File file) = 0;                                    // fdatasync: contents and size
  virtual Result<uint64_t> size(File file) = 0;
  virtual Status truncate(File file, uint64_t size) = 0;

  virtual Status make_directory(const std::string& path) = 0;  // 0700; an existing one is success
  virtual Status sync_directory(const std::string& path) = 0;  // names created, renamed and removed in it
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;  // names, sorted, without . and ..
  virtual Status rename(const std::string& from, const std::string& to) = 0;   // replaces
  virtual Status unlink(const std::string& path) = 0;  // an open file stays readable until closed
  virtual Result<Space> space(const std::string& path) = 0;
  // Sets access and modification time, so that they say nothing finer than the hour.
  virtual Status set_times(const std::string& path, uint64_t seconds) = 0;
  // An exclusive lock held until the returned file is closed; busy when another process has it.
  virtual Result<File> lock(const std::string& path) = 0;
};

// The operating system's.
Files& system_files();

// Closes at the end of its scope.
class OpenFile {
 public:
  OpenFile() = default;
  OpenFile(Files& files, File file) : files_(&files), file_(file) {}
  OpenFile(OpenFile&& other) noexcept : files_(other.files_), file_(std::exchange(other.file_, File{})) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    if (this != &other) {
      reset();
      files_ = other.files_;
      file_ = std::exchange(other.file_, File{});
    }
    return *this;
  }
  ~OpenFile() { reset(); }
  File get() const { return file_; }
  explicit operator bool() const { return static_cast<bool>(file_); }
  void reset() {
    if (file_) files_->close(std::exchange(file_, File{}));
  }

 private:
  Files* files_ = nullptr;
  File file_;
};

}  // namespace cwtch::io
