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

// The call, repeated while a signal interrupts it; -1 and errno as it leaves them.
template <class Call>
auto retry_interrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

Status status_of(int result, const char* context) {
  if (result != 0) return fail_errno(errno, context);
  return {};
}

class SystemFiles final : public Files {
 public:
  Result<File> open(const std::string& path, const OpenMode& mode) override;
  void close(File file) override;
  Result<size_t> read(File file, MutableBytes to, uint64_t offset) override;
  Status write(File file, ByteView bytes, uint64_t offset) override;
  Status sync(File file) override;
  Result<uint64_t> size(File file) override;
  Status truncate(File file, uint64_t size) override;
  Status make_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status unlink(const std::string& path) override;
  Result<Space> space(const std::string& path) override;
  Status set_times(const std::string& path, uint64_t seconds) override;
  Result<File> lock(const std::string& path) override;
};

Result<File> SystemFiles::open(const std::string& path, const OpenMode& mode) {
  const int flags = (mode.write ? O_RDWR : O_RDONLY) | (mode.create ? O_CREAT | O_EXCL : 0) | O_CLOEXEC | O_NOFOLLOW;
  // Reading should not leave the time of the reading behind. Only the file's owner may ask for that.
  int file = retry_interrupted([&] { return ::open(path.c_str(), flags | O_NOATIME, 0600); });
  if (file < 0 && errno == EPERM) file = retry_interrupted([&] { return ::open(path.c_str(), flags, 0600); });
  if (file < 0) return fail_errno(errno, "open");
  if (mode.direct) {
    // Set afterwards: some file systems create the file before they refuse the flag. A refusal leaves it buffered.
    const int status = ::fcntl(file, F_GETFL);
    static_cast<void>(::fcntl(file, F_SETFL, status | O_DIRECT));
  }
  return File{file};
}

void SystemFiles::close(File file) {
  CHECK(file);
  // Not repeated after EINTR: on Linux the descriptor is gone either way.
  static_cast<void>(::close(file.value));
}

Result<size_t> SystemFiles::read(File file, MutableBytes to, uint64_t offset) {
  size_t done = 0;
  while (done < to.size()) {
    const uint64_t from = offset + done;
    const ssize_t count = retry_interrupted(
        [&] { return ::pread(file.value, to.data() + done, to.size() - done, static_cast<off_t>(from)); });
    if (count < 0) return fail_errno(errno, "read", from);
    if (count == 0) break;
    done += static_cast<size_t>(count);
    if (done == to.size()) break;
    // Short: nearly always the end. Asking again there would be EINVAL on a direct file, if the end is not aligned.
    const Result<uint64_t> end = size(file);
    if (!end) return fail(end.error());
    if (offset + done >= *end) break;
  }
  return done;
}

Status SystemFiles::write(File file, ByteView bytes, uint64_t offset) {
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t to = offset + done;
    const ssize_t count = retry_interrupted(
        [&] { return ::pwrite(file.value, bytes.data() + done, bytes.size() - done, static_cast<off_t>(to)); });
    if (count < 0) return fail_errno(errno, "write", to);
    if (count == 0) return fail_errno(ENOSPC, "write", to);  // no kernel does this; a loop over it would never end
    done += static_cast<size_t>(count);
  }
  return {};
}

Status SystemFiles::sync(File file) {
  return status_of(retry_interrupted([&] { return ::fdatasync(file.value); }), "sync");
}

Result<uint64_t> SystemFiles::size(File file) {
  struct stat status;
  if (::fstat(file.value, &status) != 0) return fail_errno(errno, "size");
  return static_cast<uint64_t>(status.st_size);
}

Status SystemFiles::truncate(File file, uint64_t size) {
  return status_of(retry_interrupted([&] { return ::ftruncate(file.value, static_cast<off_t>(size)); }), "truncate");
}

Status SystemFiles::make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  const int error = errno;
  struct stat status;
  if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
  return fail_errno(error, "make directory");
}

Status SystemFiles::sync_directory(const std::string& path) {
  const int directory = retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (directory < 0) return fail_errno(errno, "open directory");
  const Status status = status_of(retry_interrupted([&] { return ::fsync(directory); }), "sync directory");
  ::close(directory);
  return status;
}

Result<std::vector<std::string>> SystemFiles::list(const std::string& path) {
  struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  if (!directory) return fail_errno(errno, "list directory");
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail_errno(errno, "list directory");
  std::sort(names.begin(), names.end());
  return names;
}

Status SystemFiles::rename(const std::string& from, const std::string& to) {
  return status_of(::rename(from.c_str(), to.c_str()), "rename");
}

Status SystemFiles::unlink(const std::string& path) { return status_of(::unlink(path.c_str()), "unlink"); }

Result<Space> SystemFiles::space(const std::string& path) {
  struct statvfs status;
  if (retry_interrupted([&] { return ::statvfs(path.c_str(), &status); }) != 0) return fail_errno(errno, "space");
  return Space{.total_bytes = status.f_blocks * status.f_frsize, .free_bytes = status.f_bavail * status.f_frsize};
}

Status SystemFiles::set_times(const std::string& path, uint64_t seconds) {
  const timespec time{static_cast<time_t>(seconds), 0};
  const timespec times[2] = {time, time};
  return status_of(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), "set times");
}

Result<File> SystemFiles::lock(const std::string& path) {
  const int file =
      retry_interrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (file < 0) return fail_errno(errno, "lock: open");
  if (retry_interrupted([&] { return ::flock(file, LOCK_EX | LOCK_NB); }) == 0) return File{file};
  const int error = errno;
  ::close(file);
  if (error == EWOULDBLOCK) return fail(Error{Errc::busy, 0, "lock: another process holds it"});
  return fail_errno(error, "lock");
}

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

}  // namespace cwtch::io
