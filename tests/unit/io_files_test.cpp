#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "engine/io/files.hpp"
#include "tests/unit/io_test.hpp"

namespace cwtch::io::test {
namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() { CHECK(::mkdtemp(path_) != nullptr); }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return std::string(path_) + "/" + name; }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/var/tmp/cwtch-io-XXXXXX";
};

struct AlignedBytes {
  alignas(4096) uint8_t bytes[8192];
};

// ---- Files ----

class SystemFiles : public ::testing::Test {
 protected:
  TemporaryDirectory directory;
  Files& files = system_files();
};

TEST_F(SystemFiles, WhatIsWrittenCanBeRead) {
  const Result<File> file = files.open(directory / "a", {.write = true, .create = true});
  ASSERT_TRUE(file);
  EXPECT_TRUE(files.write(*file, bytes_of("hello world"), 0));
  EXPECT_TRUE(files.write(*file, bytes_of("WORLD"), 6));
  EXPECT_TRUE(files.sync(*file));
  EXPECT_EQ(files.size(*file).value(), 11u);
  uint8_t bytes[32];
  EXPECT_EQ(files.read(*file, bytes, 0).value(), 11u);  // short: the end of the file
  EXPECT_EQ(text_of({bytes, 11}), "hello WORLD");
  EXPECT_EQ(files.read(*file, {bytes, 5}, 6).value(), 5u);
  EXPECT_EQ(files.read(*file, bytes, 11).value(), 0u);
  EXPECT_EQ(files.read(*file, bytes, 1000).value(), 0u);
  EXPECT_TRUE(files.truncate(*file, 5));
  EXPECT_EQ(files.size(*file).value(), 5u);
  files.close(*file);
}

TEST_F(SystemFiles, DirectFilesReadUpToAnEndThatIsNotAligned) {
  const Result<File> file = files.open(directory / "a", {.write = true, .create = true, .direct = true});
  ASSERT_TRUE(file);
  AlignedBytes buffer{};
  buffer.bytes[4999] = 7;
  EXPECT_TRUE(files.write(*file, buffer.bytes, 0));
  EXPECT_TRUE(files.truncate(*file, 5000));
  AlignedBytes read;
  EXPECT_EQ(files.read(*file, read.bytes, 0).value(), 5000u);
  EXPECT_EQ(read.bytes[4999], 7);
  files.close(*file);
}

TEST_F(SystemFiles, CreatingIsExclusiveAndPrivate) {
  const Result<File> file = files.open(directory / "a", {.write = true, .create = true});
  ASSERT_TRUE(file);
  files.close(*file);
  struct stat status;
  ASSERT_EQ(::stat((directory / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const Result<File> again = files.open(directory / "a", {.write = true, .create = true});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().sys, EEXIST);
  const Result<File> missing = files.open(directory / "b", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
}

TEST_F(SystemFiles, ErrorsNameTheOffset) {
  const Result<File> file = files.open(directory / "a", {.write = true, .create = true});
  files.close(*file);
  const Result<File> read_only = files.open(directory / "a", {});
  const Status refused = files.write(*read_only, bytes_of("x"), 4096);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys, EBADF);
  EXPECT_EQ(refused.error().offset, 4096u);
  files.close(*read_only);
}

TEST_F(SystemFiles, Directories) {
  EXPECT_TRUE(files.make_directory(directory / "d"));
  EXPECT_TRUE(files.make_directory(directory / "d"));
  struct stat status;
  ASSERT_EQ(::stat((directory / "d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  for (const char* name : {"d/z", "d/a", "d/m"}) {
    files.close(*files.open(directory / name, {.write = true, .create = true}));
  }
  EXPECT_FALSE(files.make_directory(directory / "d/a"));  // exists, but is a file
  EXPECT_TRUE(files.rename(directory / "d/z", directory / "d/m"));
  EXPECT_TRUE(files.sync_directory(directory / "d"));
  EXPECT_THAT(files.list(directory / "d").value(), testing::ElementsAre("a", "m"));
  EXPECT_TRUE(files.unlink(directory / "d/a"));
  EXPECT_THAT(files.list(directory / "d").value(), testing::ElementsAre("m"));
  EXPECT_FALSE(files.unlink(directory / "d/a"));
  EXPECT_FALSE(files.list(directory / "nothing"));
  EXPECT_FALSE(files.sync_directory(directory / "nothing"));
}

TEST_F(SystemFiles, UnlinkedFilesStayReadableUntilClosed) {
  const Result<File> file = files.open(directory / "a", {.write = true, .create = true});
  EXPECT_TRUE(files.write(*file, bytes_of("still"), 0));
  EXPECT_TRUE(files.unlink(directory / "a"));
  uint8_t bytes[5];
  EXPECT_EQ(files.read(*file, bytes, 0).value(), 5u);
  files.close(*file);
}

TEST_F(SystemFiles, TimesAreWhatTheyAreSetTo) {
  OpenFile file(files, *files.open(directory / "a", {.write = true, .create = true}));
  EXPECT_TRUE(files.set_times(directory / "a", 1'700'000'400));
  struct stat status;
  ASSERT_EQ(::stat((directory / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'700'000'400);
  EXPECT_EQ(status.st_mtim.tv_nsec, 0);
  EXPECT_EQ(status.st_atim.tv_sec, 1'700'000'400);
  EXPECT_EQ(status.st_atim.tv_nsec, 0);
}

TEST_F(SystemFiles, SpaceIsPlausible) {
  const Result<Space> space = files.space(directory.path());
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
}

// Two servers on one directory would ruin it. The lock goes with its holder, however that ends.
TEST_F(SystemFiles, LockKeepsOtherProcessesOut) {
  const std::string path = directory / "lock";
  const pid_t child = ::fork();
  int ready[2];
  ASSERT_NE(child, -1);
  if (child == 0) {
    const Result<File> lock = system_files().lock(path);
    ::_exit(lock ? 0 : 1);  // dies holding it
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  static_cast<void>(ready);

  Result<File> lock = files.lock(path);
  ASSERT_TRUE(lock) << lock.error().message();
  const Result<File> second = files.lock(path);  // another open file is like another process
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
  files.close(*lock);
  lock = files.lock(path);
  ASSERT_TRUE(lock);
  files.close(*lock);
}

// ---- Io on files ----

class IoFiles : public IoTest {
 protected:
  File make_file(bool direct) {
    const Result<File> file = files.open(directory / "file", {.write = true, .create = true, .direct = direct});
    EXPECT_TRUE(file);
    return file.value_or(File{});
  }
  TemporaryDirectory directory;
  Files& files = system_files();
};
INSTANTIATE_TEST_SUITE_P(Backends, IoFiles, backends(), backend_name);

TEST_P(IoFiles, WriteSyncRead) {
  for (const bool direct : {false, true}) {
    for (const bool durable : {false, true}) {
      SCOPED_TRACE(testing::Message() << "direct " << direct << " durable " << durable);
      const File file = make_file(direct);
      AlignedBytes written;
      for (size_t index = 0; index < sizeof written.bytes; ++index)
        written.bytes[index] = static_cast<uint8_t>(index * 7);
      Pending<Write> write;
      io->write(write.operation, file, written.bytes, 4096, durable, write.callback());
      EXPECT_FALSE(write.done());
      wait(write);
      ASSERT_TRUE(write.operation.size());
      EXPECT_EQ(*write.operation.size(), sizeof written.bytes);
      Pending<Sync> sync;
      io->sync(sync.operation, file, sync.callback());
      wait(sync);
      EXPECT_TRUE(sync.operation.status());

      AlignedBytes read{};
      Pending<Read> reading;
      io->read(reading.operation, file, read.bytes, 4096, reading.callback());
      wait(reading);
      EXPECT_EQ(reading.operation.size().value(), sizeof read.bytes);
      EXPECT_TRUE(equal_vartime(read.bytes, written.bytes));
      files.close(file);
      EXPECT_TRUE(files.unlink(directory / "file"));
    }
  }
}

TEST_P(IoFiles, ReadsEndAtTheEndOfTheFile) {
  const File file = make_file(false);
  EXPECT_TRUE(files.write(file, bytes_of("12345"), 0));
  uint8_t bytes[100];
  Pending<Read> partly;
  Pending<Read> behind;
  io->read(partly.operation, file, bytes, 2, partly.callback());
  io->read(behind.operation, file, bytes, 5000, behind.callback());
  wait(partly, behind);
  EXPECT_EQ(partly.operation.size().value(), 3u);
  EXPECT_EQ(behind.operation.size().value(), 0u);
  files.close(file);
}

TEST_P(IoFiles, ErrorsKeepTheirNumber) {
  uint8_t bytes[8] = {};
  const File file = make_file(false);
  files.close(file);
  const File read_only = *files.open(directory / "file", {});
  Pending<Write> write;
  Pending<Read> read;
  Pending<Sync> sync;
  io->write(write.operation, read_only, bytes, 0, true, write.callback());
  io->read(read.operation, File{1 << 20}, bytes, 0, read.callback());
  io->sync(sync.operation, File{1 << 20}, sync.callback());
  wait(write, read, sync);
  EXPECT_EQ(write.operation.size().error().sys, EBADF);
  EXPECT_EQ(read.operation.size().error().sys, EBADF);
  EXPECT_EQ(sync.operation.status().error().sys, EBADF);
  files.close(read_only);
}

// Many at once, more than workers or entries: each ends once, with its own bytes.
TEST_P(IoFiles, ManyOperationsAtOnce) {
  make({.entries = 16, .workers_max = 2});
  constexpr size_t kCount = 300;
  const File file = make_file(false);
  std::vector<Bytes> blocks;
  std::vector<std::unique_ptr<Pending<Write>>> writes;
  for (size_t index = 0; index < kCount; ++index) blocks.emplace_back(512, static_cast<uint8_t>(index));
  for (size_t index = 0; index < kCount; ++index) {
    writes.push_back(std::make_unique<Pending<Write>>());
    io->write(writes.back()->operation, file, blocks[index], index * 512, false, writes.back()->callback());
  }
  for (auto& write : writes) wait(*write);
  Bytes all(kCount * 512);
  std::vector<std::unique_ptr<Pending<Read>>> reads;
  for (size_t index = 0; index < kCount; ++index) {
    reads.push_back(std::make_unique<Pending<Read>>());
    io->read(reads.back()->operation, file, MutableBytes(all).subspan(index * 512, 512), index * 512,
             reads.back()->callback());
  }
  for (auto& read : reads) wait(*read);
  for (size_t index = 0; index < kCount; ++index) {
    EXPECT_EQ(writes[index]->operation.size().value(), 512u);
    EXPECT_TRUE(equal_vartime(ByteView(all).subspan(index * 512, 512), blocks[index]));
  }
  files.close(file);
}

}  // namespace
}  // namespace cwtch::io::test
