#include "engine/io/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace cwtch::io {
namespace {

template <class Call>
auto retry(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class SystemFiles final : public Files {
 public:
  Result<File> open(const std::string& path, const OpenMode& mode) override {
    int flags = O_CLOEXEC | O_NOFOLLOW | (mode.write ? O_RDWR : O_RDONLY) | (mode.create ? O_CREAT | O_EXCL : 0);
    // Reading for ourselves leaves no access times behind. Only a file's owner may ask for that.
    int descriptor = -1;
    for (const int extra : {(mode.direct ? O_DIRECT : 0) | O_NOATIME, mode.direct ? O_DIRECT : 0, 0}) {
      descriptor = retry([&] { return ::open(path.c_str(), flags | extra, 0600); });
      if (descriptor >= 0 || (errno != EINVAL && errno != EPERM)) break;
      if (mode.create) flags &= ~O_EXCL;  // a file system that refuses O_DIRECT may have made the file all the same
    }
    if (descriptor < 0) return fail_errno(errno, "open");
    return File{descriptor};
  }
  void close(File file) override { ::close(file.value); }

  Result<size_t> read(File file, MutableBytes to, uint64_t offset) override {
    size_t done = 0;
    while (done < to.size()) {
      const ssize_t got = retry([&] {
        return ::pread(file.value, to.data() + done, std::min<size_t>(to.size() - done, 1u << 30),
                       static_cast<off_t>(offset + done));
      });
      if (got < 0) return fail_errno(errno, "read", offset + done);
      if (got == 0) break;
      done += static_cast<size_t>(got);
      if (done % 4096 != 0) break;  // the end of the file; a direct file could not be asked for the rest
    }
    return done;
  }
  Status write(File file, ByteView bytes, uint64_t offset) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = retry([&] {
        return ::pwrite(file.value, bytes.data() + done, std::min<size_t>(bytes.size() - done, 1u << 30),
                        static_cast<off_t>(offset + done));
      });
      if (put < 0) return fail_errno(errno, "write", offset + done);
      if (put == 0) return fail_errno(ENOSPC, "write", offset + done);
      done += static_cast<size_t>(put);
    }
    return {};
  }
  Status sync(File file) override {
    return done(retry([&] { return ::fdatasync(file.value); }), "sync");
  }
  Result<uint64_t> size(File file) override {
    struct stat status;
    if (::fstat(file.value, &status) != 0) return fail_errno(errno, "size");
    return static_cast<uint64_t>(status.st_size);
  }
  Status truncate(File file, uint64_t size) override {
    return done(retry([&] { return ::ftruncate(file.value, static_cast<off_t>(size)); }), "truncate");
  }
  Status make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    struct stat status;
    if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_errno(errno, "make directory");
  }
  Status sync_directory(const std::string& path) override {
    const int descriptor = retry([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return fail_errno(errno, "sync directory");
    const int result = retry([&] { return ::fsync(descriptor); });
    const int sys = errno;
    ::close(descriptor);
    if (result != 0) return fail_errno(sys, "sync directory");
    return {};
  }
  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
    if (directory == nullptr) return fail_errno(errno, "list");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    if (errno != 0) return fail_errno(errno, "list");
    std::sort(names.begin(), names.end());
    return names;
  }
  Status rename(const std::string& from, const std::string& to) override {
    return done(::rename(from.c_str(), to.c_str()), "rename");
  }
  Status unlink(const std::string& path) override { return done(::unlink(path.c_str()), "unlink"); }
  Result<Space> space(const std::string& path) override {
    struct statvfs status;
    if (::statvfs(path.c_str(), &status) != 0) return fail_errno(errno, "space");
    return Space{uint64_t{status.f_blocks} * status.f_frsize, uint64_t{status.f_bavail} * status.f_frsize};
  }
  Status set_times(const std::string& path, uint64_t seconds) override {
    const timespec time{static_cast<time_t>(seconds), 0};
    const timespec times[2] = {time, time};
    return done(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), "set times");
  }
  Result<File> lock(const std::string& path) override {
    const int descriptor = retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
    if (descriptor < 0) return fail_errno(errno, "lock");
    if (retry([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) != 0) {
      const int sys = errno;
      ::close(descriptor);
      if (sys == EWOULDBLOCK) return fail(Errc::busy, "lock: another process has it");
      return fail_errno(sys, "lock");
    }
    return File{descriptor};
  }

 private:
  static Status done(int result, const char* context) {
    if (result != 0) return fail_errno(errno, context);
    return {};
  }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace cwtch::io
