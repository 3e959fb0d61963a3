// The simulated disk keeps its model: what was synced survives every power cut, everything else may become old, new or
// garbage, and all of these do occur. A simulator that never takes anything away would prove nothing.
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "engine/sim/disk.hpp"
#include "engine/sim/sim_files.hpp"

namespace cwtch::sim {
namespace {

constexpr uint64_t kCuts = 400;

class SimDisk : public testing::Test {
 protected:
  io::File create(const std::string& path) {
    const auto file = files.open(path, {.write = true, .create = true});
    CHECK(file.has_value());
    return *file;
  }
  void write(io::File file, char fill, size_t size, uint64_t offset) {
    CHECK(files.write(file, Bytes(size, static_cast<uint8_t>(fill)), offset).has_value());
  }
  // A file whose `size` bytes of 'o' and whose name are durable.
  io::File durable_file(const std::string& path, size_t size) {
    const io::File file = create(path);
    write(file, 'o', size, 0);
    CHECK(files.sync(file).has_value());
    CHECK(files.sync_directory("").has_value());
    return file;
  }
  static std::string sectors(const Bytes& bytes) {  // one letter per sector; '?' when it is not of one letter
    std::string letters;
    for (size_t at = 0; at < bytes.size(); at += kSectorBytes) {
      const size_t size = std::min(kSectorBytes, bytes.size() - at);
      const Bytes same(size, bytes[at]);
      letters += equal_vartime(same, ByteView(bytes).subspan(at, size)) ? static_cast<char>(bytes[at]) : '?';
    }
    return letters;
  }
  std::string after_cut(uint64_t seed, const std::string& path) {
    const auto bytes = disk.power_cut(seed).contents(path);
    return bytes ? sectors(*bytes) : "gone";
  }

  Disk disk{1};
  SimFiles files{disk};
};

TEST_F(SimDisk, SyncedBytesSurviveEveryCut) {
  durable_file("a", 20'000);
  for (uint64_t seed = 0; seed < kCuts; ++seed) ASSERT_EQ(after_cut(seed, "a"), std::string(40, 'o'));
}

TEST_F(SimDisk, UnsyncedSectorsBecomeOldNewOrGarbageAndNoOthers) {
  const io::File file = durable_file("a", 8 * 512);
  write(file, 'n', 4 * 512, 2 * 512);
  std::set<char> seen;
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    const std::string image = after_cut(seed, "a");
    ASSERT_EQ(image.size(), 8u);
    ASSERT_EQ(image.substr(0, 2) + image.substr(6), "oooo") << "seed " << seed;
    seen.insert(image.begin(), image.end());
    images.insert(image);
  }
  EXPECT_TRUE(seen.contains('o') && seen.contains('n') && seen.contains('?') && seen.contains('\0'));
  EXPECT_GT(images.size(), 30u);
}

TEST_F(SimDisk, AWriteInFlightIsAsUncertainAsAnUnsyncedOne) {
  const io::File file = durable_file("a", 2 * 512);
  const Bytes bytes(1024, 'n');
  const uint64_t id = disk.write_start(file, bytes, 0, true);
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(after_cut(seed, "a"));
  EXPECT_TRUE(images.contains("oo") && images.contains("on") && images.contains("no") && images.contains("nn"));
  ASSERT_EQ(disk.write_end(id, true), 1024);
  for (uint64_t seed = 0; seed < kCuts; ++seed) ASSERT_EQ(after_cut(seed, "a"), "nn");
}

TEST_F(SimDisk, ASectorWrittenTwiceMayStayAtTheFirst) {
  const io::File file = durable_file("a", 512);
  write(file, '1', 512, 0);
  write(file, '2', 512, 0);
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(after_cut(seed, "a"));
  EXPECT_TRUE(images.contains("o") && images.contains("1") && images.contains("2"));
}

TEST_F(SimDisk, ADurableWriteOvertakesWhatWasPendingThere) {
  const io::File file = durable_file("a", 1024);
  write(file, '1', 1024, 0);
  const Bytes bytes(512, '2');
  ASSERT_EQ(disk.write_end(disk.write_start(file, bytes, 0, true), true), 512);
  std::set<char> second;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    const std::string image = after_cut(seed, "a");
    ASSERT_EQ(image[0], '2');
    second.insert(image[1]);
  }
  EXPECT_TRUE(second.contains('o') && second.contains('1'));  // it makes no other sector durable
}

TEST_F(SimDisk, SizeIsPendingUntilSync) {
  const io::File file = durable_file("a", 512);
  write(file, 'n', 4 * 512, 512);
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < kCuts; ++seed) sizes.insert(disk.power_cut(seed).contents("a")->size());
  EXPECT_EQ(*sizes.begin(), 512u);
  EXPECT_EQ(*sizes.rbegin(), 5u * 512);
  EXPECT_GT(sizes.size(), 2u);
  ASSERT_TRUE(files.sync(file));
  EXPECT_EQ(after_cut(7, "a"), "onnnn");
}

TEST_F(SimDisk, TruncationIsPendingUntilSync) {
  const io::File file = durable_file("a", 4096);
  ASSERT_TRUE(files.truncate(file, 512));
  EXPECT_EQ(sectors(*disk.contents("a")), "o");
  std::set<size_t> sizes;
  for (uint64_t seed = 0; seed < kCuts; ++seed) sizes.insert(disk.power_cut(seed).contents("a")->size());
  EXPECT_TRUE(sizes.contains(512) && sizes.contains(4096));
  ASSERT_TRUE(files.sync(file));
  for (uint64_t seed = 0; seed < kCuts; ++seed) ASSERT_EQ(after_cut(seed, "a"), "o");
  write(file, 'n', 512, 2048);
  EXPECT_EQ(sectors(*disk.contents("a")), std::string("o\0\0\0n", 5));  // what was cut off does not come back
}

TEST_F(SimDisk, NamesArePendingUntilTheDirectoryIsSynced) {
  const io::File file = create("a");
  write(file, 'n', 512, 0);
  ASSERT_TRUE(files.sync(file));  // contents only
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(after_cut(seed, "a"));
  EXPECT_EQ(images, (std::set<std::string>{"gone", "n"}));
  ASSERT_TRUE(files.sync_directory(""));
  for (uint64_t seed = 0; seed < kCuts; ++seed) ASSERT_EQ(after_cut(seed, "a"), "n");
}

TEST_F(SimDisk, RenameHappensAsAWholeOrNotAtAll) {
  durable_file("manifest", 512);
  const io::File next = create("next");
  write(next, 'n', 512, 0);
  ASSERT_TRUE(files.sync(next));
  ASSERT_TRUE(files.rename("next", "manifest"));
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(after_cut(seed, "manifest"));
  EXPECT_EQ(images, (std::set<std::string>{"o", "n"}));
}

TEST_F(SimDisk, AnUnlinkedFileMayComeBackUntilTheDirectoryIsSynced) {
  const io::File file = durable_file("a", 512);
  ASSERT_TRUE(files.unlink("a"));
  EXPECT_FALSE(disk.exists("a"));
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(after_cut(seed, "a"));
  EXPECT_EQ(images, (std::set<std::string>{"gone", "o"}));
  Bytes still(512);
  EXPECT_EQ(files.read(file, still, 0).value(), 512u);  // readable while open
  ASSERT_TRUE(files.sync_directory(""));
  for (uint64_t seed = 0; seed < kCuts; ++seed) ASSERT_EQ(after_cut(seed, "a"), "gone");
}

TEST_F(SimDisk, AFailedSyncIsNotMadeGoodByTheNext) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    disk = Disk(seed);
    const io::File file = durable_file("a", 4096);
    write(file, 'n', 4096, 0);
    disk.script({DiskCall::sync, 0, EIO});
    ASSERT_EQ(files.sync(file).error().sys, EIO);
    ASSERT_TRUE(files.sync(file));  // as Linux does: the pages are clean now
    if (after_cut(seed, "a") != "nnnnnnnn") ++lost;
  }
  EXPECT_GT(lost, 20);
}

TEST_F(SimDisk, ScriptedFaultsStrikeWhereTheySay) {
  const io::File file = durable_file("a", 512);
  disk.script({DiskCall::write, 1, EIO});
  EXPECT_TRUE(files.write(file, Bytes(10), 0));
  EXPECT_EQ(files.write(file, Bytes(10), 0).error().code, Errc::io);
  EXPECT_TRUE(files.write(file, Bytes(10), 0));
  disk.script({DiskCall::sync, 1, EIO, true});
  EXPECT_TRUE(files.sync(file));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(files.sync(file));
}

TEST_F(SimDisk, AFullDiskRefusesGrowthAndTakesOverwrites) {
  disk.faults().capacity_bytes = 5 * 4096;  // one block is the directory's
  const io::File a = create("a");
  write(a, 'a', 3 * 4096, 0);
  const io::File b = create("b");
  EXPECT_EQ(files.write(b, Bytes(2 * 4096), 0).error().code, Errc::no_space);
  EXPECT_EQ(disk.size(b), 0u);
  write(a, 'x', 3 * 4096, 0);
  EXPECT_EQ(files.space("")->free_bytes, 4096u);
  files.close(a);
  ASSERT_TRUE(files.unlink("a"));
  EXPECT_TRUE(files.write(b, Bytes(2 * 4096), 0));
}

TEST_F(SimDisk, UnreadableSectorsFailAloneUntilWritten) {
  const io::File file = durable_file("a", 4 * 4096);
  disk.make_unreadable("a", 5000);
  Bytes block(4096);
  EXPECT_TRUE(files.read(file, block, 0));
  EXPECT_EQ(files.read(file, block, 4096).error().code, Errc::io);
  EXPECT_TRUE(files.read(file, block, 8192));
  write(file, 'n', 4096, 4096);
  EXPECT_TRUE(files.read(file, block, 4096));
}

TEST_F(SimDisk, AnImageIsADiskOfItsOwn) {
  durable_file("a", 512);
  Disk image = disk.power_cut(1);
  SimFiles image_files(image);
  const auto file = image_files.open("a", {.write = true});
  ASSERT_TRUE(file);
  ASSERT_TRUE(image_files.write(*file, Bytes(512, 'i'), 0));
  EXPECT_EQ(sectors(*disk.contents("a")), "o");
  EXPECT_EQ(sectors(*image.contents("a")), "i");
  std::set<std::string> images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) images.insert(sectors(*image.power_cut(seed).contents("a")));
  EXPECT_TRUE(images.contains("o") && images.contains("i"));
}

// The next program reads what the killed one wrote; a power cut then takes it still.
TEST_F(SimDisk, AKilledProgramLeavesWhatItWroteUndurable) {
  const io::File file = durable_file("a", 1024);
  write(file, 'n', 512, 0);
  const Bytes bytes(512, 'f');
  disk.write_start(file, bytes, 512, true);
  std::set<std::string> seen, images;
  for (uint64_t seed = 0; seed < kCuts; ++seed) {
    Disk left = disk.process_crash(seed);
    EXPECT_EQ(left.open_files(), 0u);
    seen.insert(sectors(*left.contents("a")));
    images.insert(sectors(*left.power_cut(seed).contents("a")));
    const auto again = left.open("a", {.write = true});
    ASSERT_TRUE(again);
    ASSERT_EQ(left.sync_end(left.sync_start(*again)), 0);
    ASSERT_EQ(sectors(*left.power_cut(seed).contents("a")), sectors(*left.contents("a")));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"no", "nf"}));
  EXPECT_TRUE(images.contains("oo") && images.contains("of") && images.contains("no") && images.contains("nf"));
}

TEST_F(SimDisk, ALockIsExclusiveAndDiesWithTheMachine) {
  const auto lock = files.lock("LOCK");
  ASSERT_TRUE(lock);
  EXPECT_EQ(files.lock("LOCK").error().code, Errc::busy);
  ASSERT_TRUE(files.sync_directory(""));
  Disk image = disk.power_cut(3);
  EXPECT_TRUE(image.lock("LOCK"));
  files.close(*lock);
  EXPECT_TRUE(files.lock("LOCK"));
}

}  // namespace
}  // namespace cwtch::sim
