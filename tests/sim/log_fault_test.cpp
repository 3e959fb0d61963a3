// Every single call on the disk fails once: at each of them in turn, by its number. After an I/O error nothing is
// acknowledged until a restart, nothing acknowledged is lost, and reading goes on; a full medium only pauses.
#include <gtest/gtest.h>

#include <cerrno>

#include "engine/sim/sim_files.hpp"
#include "tests/sim/seeds.hpp"
#include "tools/simulate/log_life.hpp"
#include "tools/simulate/reader_pass.hpp"

namespace cwtch::simulate {
namespace {

constexpr uint64_t kSeed = 7;

Workload small_log() {
  Workload workload;
  workload.log.chunk_bytes = 8192;
  workload.log.journal_files = 3;
  workload.log.journal_file_bytes = 64 * 1024;
  workload.log.group_bytes_max = 16 * 1024;
  workload.log.seal_records = 6;
  workload.log.seal_records_hour_min = 2;
  workload.log.merge_factor = 2;
  workload.log.merged_bytes_max = 256 * 1024;
  workload.images_per_boundary_max = 1;
  workload.recovery_cuts_every = 0;
  return workload;
}

// A log of some sealed and some open records, and the world around it.
class LogFaults : public testing::Test {
 protected:
  void make(const Workload& workload) {
    workload_ = workload;
    truth_ = {};
    world_ = std::make_unique<sim::World>(kSeed);
    ASSERT_TRUE(world_->files().make_directory(kDirectory));
    ASSERT_TRUE(world_->files().sync_directory(""));
    ASSERT_TRUE(log::Log::create(world_->files(), world_->random(), kDirectory, workload_.log));
  }
  // Lives on what a power cut leaves, with nothing failing, and posts again.
  void live_on(sim::Disk left, const std::string& what) {
    world_ = std::make_unique<sim::World>(kSeed + 1, std::move(left));
    LogLife life(*world_, workload_, truth_, kSeed + 1);
    ASSERT_TRUE(life.open()) << what << ": " << life.failure();
    life.post(5, true);
    ASSERT_FALSE(life.log().poisoned()) << what;
    life.close();
    ASSERT_EQ(life.failure(), "") << what;
  }
  // Posts with the `index`-th call of that kind failing. True if there was such a call.
  bool fails_once(sim::DiskCall call, uint64_t index, int error) {
    const std::string what = std::string(sim::name(call)) + " " + std::to_string(index) + " fails with " +
                             std::to_string(error) + " (log_fault_test, seed 7)";
    make(small_log());
    bool happened = false;
    sim::Disk left(0);
    {
      LogLife life(*world_, workload_, truth_, kSeed);
      EXPECT_TRUE(life.open()) << life.failure();
      const uint64_t before = world_->disk().failures();
      world_->disk().script({call, index, error});
      life.post(40, true);
      happened = world_->disk().failures() != before;
      if (happened && !life.log().poisoned()) life.rest(kSecond);  // a worker has not told yet
      const bool poisoned = life.log().poisoned();
      // A write or a sync that fails closes the log to posts; what is left of a file that was to be removed does not.
      const bool must = happened && error == EIO && (call == sim::DiskCall::write || call == sim::DiskCall::sync);
      EXPECT_TRUE(poisoned || !must) << what;
      EXPECT_TRUE(happened || !poisoned) << what;
      left = life.cut(kSeed + index);
      EXPECT_EQ(life.failure(), "") << what;
    }
    live_on(std::move(left), what);
    return happened && !HasFatalFailure();
  }

  Workload workload_;
  Truth truth_;
  std::unique_ptr<sim::World> world_;
};

class LogFaultsAt : public LogFaults, public testing::WithParamInterface<sim::DiskCall> {};

TEST_P(LogFaultsAt, EveryCallMayFailWithEio) {
  uint64_t index = 0;
  while (fails_once(GetParam(), index, EIO)) ++index;
  EXPECT_GT(index, 0u);
  std::printf("%llu places\n", static_cast<unsigned long long>(index));
}

TEST_P(LogFaultsAt, EveryCallMayFindNoSpace) {
  uint64_t index = 0;
  while (fails_once(GetParam(), index, ENOSPC)) ++index;
  EXPECT_GT(index, 0u);
}

INSTANTIATE_TEST_SUITE_P(Calls, LogFaultsAt,
                         testing::Values(sim::DiskCall::write, sim::DiskCall::sync, sim::DiskCall::create,
                                         sim::DiskCall::open, sim::DiskCall::read, sim::DiskCall::rename,
                                         sim::DiskCall::unlink, sim::DiskCall::sync_directory),
                         [](const auto& one) { return std::string(sim::name(one.param)); });

// A read error while starting is an error of the start, not a shorter log: the next start finds everything.
TEST_F(LogFaults, ReadErrorsDuringRecoveryLoseNothing) {
  make(small_log());
  sim::Disk left(0);
  {
    LogLife life(*world_, workload_, truth_, kSeed);
    ASSERT_TRUE(life.open());
    life.post(40, true);
    left = life.cut(kSeed);
  }
  uint64_t refused = 0;
  for (const sim::DiskCall call : {sim::DiskCall::read, sim::DiskCall::open}) {
    for (uint64_t index = 0;; ++index) {
      sim::Disk image = left.power_cut(index);
      image.script({call, index, EIO});
      sim::SimFiles files(image);
      SeededRandom random(index);
      std::string damage;
      {
        const auto opened = log::Log::open(files, world_->clock(), random, kDirectory, workload_.log, &damage);
        if (image.failures() == 0) break;
        if (opened) {
          EXPECT_EQ((*opened)->shared()->committed().end.value, truth_.promise.at_least) << "read " << index;
        } else {
          ++refused;
          EXPECT_EQ(opened.error().code, Errc::io) << "read " << index << ": " << opened.error().message();
          EXPECT_FALSE(damage.empty());
        }
      }
      image.script_clear();
      ImageCheck check(workload_.log, 0);
      EXPECT_EQ(check.check(image.power_cut(index), truth_, truth_.promise, index, true), "") << "read " << index;
    }
  }
  EXPECT_GT(refused, 5u);
}

// The n-th read fails: that chunk is not served, all others are, and it is when it is asked for a second later. A
// segment's table is read once, before its chunks; when that fails, all of the segment waits.
TEST_F(LogFaults, AReadErrorAffectsItsChunkOnly) {
  Workload workload = small_log();
  workload.log.merged_bytes_max = 64 * 1024;
  make(workload);
  LogLife life(*world_, workload_, truth_, kSeed);
  ASSERT_TRUE(life.open());
  life.post(60, true);
  life.stop_images();
  life.rest(kSecond);
  const auto layout = life.log().shared()->layout();
  ASSERT_GT(layout->segments.size(), 2u);
  const std::vector<ChunkOnDisk> chunks = sealed_chunks(world_->files(), *layout);
  uint64_t single = 0;
  // True if there was such a read.
  const auto strike = [&](uint64_t index) {
    SCOPED_TRACE("read " + std::to_string(index));
    const auto reader = log::Reader::make(life.io(), world_->files(), life.log().shared(),
                                          {.cache_bytes = 64 << 10, .read_ahead_chunks = 0});
    const uint64_t failures = world_->disk().failures();
    world_->disk().script({sim::DiskCall::read, index, EIO});
    const PassReport pass = read_chunks(life.io(), *reader, chunks, truth_);
    world_->disk().script_clear();
    const bool struck = world_->disk().failures() != failures;
    EXPECT_EQ(pass.wrong, "");
    EXPECT_EQ(pass.chunks_failed == 0, !struck);
    if (pass.chunks_failed == 1) ++single;
    for (const log::Segment* segment : pass.failed_in) EXPECT_EQ(segment, pass.failed_in.front());
    const auto whole = std::count_if(chunks.begin(), chunks.end(), [&](const ChunkOnDisk& chunk) {
      return !pass.failed_in.empty() && chunk.segment == pass.failed_in.front();
    });
    EXPECT_TRUE(pass.chunks_failed <= 1 || pass.chunks_failed == static_cast<uint64_t>(whole));
    life.rest(2 * kSecond);
    const PassReport again = read_chunks(life.io(), *reader, chunks, truth_);
    EXPECT_EQ(again.wrong, "");
    EXPECT_EQ(again.chunks_failed, 0u);
    return struck;
  };
  EXPECT_TRUE(strike(0));  // the first table; after the second pass all tables are known
  EXPECT_EQ(single, 0u);
  for (uint64_t index = 0; strike(index);) ++index;
  EXPECT_GT(chunks.size(), 10u);
  EXPECT_EQ(single, chunks.size());  // each chunk was the one that failed
  life.close();
  EXPECT_EQ(life.failure(), "");
}

// A sector that cannot be read any more, in every block of every segment: one chunk is lost to readers, no other. The
// table behind the chunks is one for all of its segment, but not for others.
TEST_F(LogFaults, ABadSectorAffectsItsChunkOnly) {
  make(small_log());
  sim::Disk left(0);
  {
    LogLife life(*world_, workload_, truth_, kSeed);
    ASSERT_TRUE(life.open());
    life.post(40, true);
    life.rest(kSecond);
    life.close();
    ASSERT_EQ(life.failure(), "");
    left = world_->disk().power_cut(kSeed);
  }
  const std::vector<std::string> names = *world_->files().list(kDirectory + "/segments");
  ASSERT_FALSE(names.empty());
  uint64_t lost = 0;
  for (const std::string& name : names) {
    if (!name.ends_with(".seg")) continue;
    const std::string path = kDirectory + "/segments/" + name;
    const uint64_t size = left.contents(path)->size();
    for (uint64_t at = 512 * (size / 4096 % 8); at < size; at += 4096) {
      SCOPED_TRACE(path + " at " + std::to_string(at));
      sim::World world(at, left.power_cut(at));
      Truth truth = truth_;
      LogLife life(world, workload_, truth, at);
      // The walk that opens a life reads everything, so the sector goes bad behind it.
      ASSERT_TRUE(life.open()) << life.failure();
      life.stop_images();
      life.rest(kSecond);
      {
        const auto layout = life.log().shared()->layout();
        const std::vector<ChunkOnDisk> chunks = sealed_chunks(world.files(), *layout);
        const auto reader = log::Reader::make(life.io(), world.files(), life.log().shared(), {});
        world.disk().make_unreadable(path, at);
        const PassReport pass = read_chunks(life.io(), *reader, chunks, truth);
        EXPECT_EQ(pass.wrong, "");
        const auto bad = std::find_if(layout->segments.begin(), layout->segments.end(),
                                      [&](const auto& segment) { return segment->path == path; });
        ASSERT_NE(bad, layout->segments.end());
        EXPECT_TRUE(pass.chunks_failed == 1 || at >= (*bad)->stream_bytes) << pass.chunks_failed;
        for (const log::Segment* segment : pass.failed_in) EXPECT_EQ(segment, bad->get());
        lost += pass.chunks_failed;
      }
      life.cut(at);
    }
  }
  EXPECT_GT(lost, 10u);
}

// A sector of an index file that cannot be read any more: the file is made anew, and nobody notices.
TEST_F(LogFaults, ABadSectorOfAnIndexFileIsMended) {
  make(small_log());
  LogLife life(*world_, workload_, truth_, kSeed);
  ASSERT_TRUE(life.open());
  life.post(60, true);
  life.stop_images();
  life.rest(kSecond);
  const auto layout = life.log().shared()->layout();
  ASSERT_GT(layout->segments.size(), 0u);
  const auto arrived = [](void* flag, log::Fetch&) { *static_cast<bool*>(flag) = true; };
  for (const auto& segment : layout->segments) {
    const Bytes before = *world_->disk().contents(segment->index_path);
    ASSERT_EQ(before.size(), segment->index.bytes);
    for (int pass = 0; pass < 3; ++pass) {  // found at first use, and when its table is known
      world_->disk().make_unreadable(segment->index_path, 0);
      const auto reader = log::Reader::make(life.io(), world_->files(), life.log().shared(), {});
      Bytes served;
      while (served.size() < before.size()) {
        const Result<log::View> view = reader->view_index_file(*segment, served.size(), SIZE_MAX);
        if (view) {
          served.insert(served.end(), view->bytes().begin(), view->bytes().end());
          continue;
        }
        ASSERT_EQ(view.error().code, Errc::busy) << view.error().message();
        bool here = false;
        log::Fetch fetch;
        reader->fetch_index_file(fetch, *segment, served.size(), arrived, &here);
        while (!here) life.turn(true);
      }
      EXPECT_EQ(served, before);
      EXPECT_EQ(reader->statistics().index_mends, 1u);
      EXPECT_EQ(*world_->disk().contents(segment->index_path), before);
      while (!reader->idle()) life.turn(true);
    }
  }
  life.close();
  EXPECT_EQ(life.failure(), "");
}

// Space runs out while segments are made: posts are refused, reading goes on; when there is space again, posting goes
// on without a restart, and nothing that was acknowledged is missing.
TEST_F(LogFaults, AFullDiskPausesPosts) {
  for (uint64_t blocks = 0; blocks < 40; blocks += 1 + blocks / 4) {
    make(small_log());
    sim::Disk left(0);
    {
      LogLife life(*world_, workload_, truth_, kSeed);
      ASSERT_TRUE(life.open());
      life.post(20, true);
      life.rest(kSecond);
      const uint64_t used = (1ull << 40) - world_->files().space("")->free_bytes;
      world_->disk().faults().capacity_bytes = used + blocks * 4096;
      for (int i = 0; i < 30 && life.counts.read_only == 0; ++i) {
        life.post(10, true);
        world_->advance_by(kSecond);
        life.log().tick();
      }
      EXPECT_GT(life.counts.read_only, 0u) << blocks << " blocks";
      EXPECT_FALSE(life.log().poisoned()) << blocks << " blocks: " << life.log().statistics().poison->message();
      EXPECT_TRUE(life.log().shared()->read_only.load()) << blocks << " blocks";
      EXPECT_EQ(life.read_all(), "");

      world_->disk().faults().capacity_bytes = UINT64_MAX;
      for (int i = 0; i < 200 && life.log().shared()->read_only.load(); ++i) {
        world_->advance_by(kSecond);
        life.log().tick();
        life.turn(false);
      }
      EXPECT_FALSE(life.log().shared()->read_only.load()) << blocks << " blocks";
      life.rest(kSecond);
      const uint64_t before = life.counts.acknowledged;
      for (int i = 0; i < 10; ++i) {  // more than the ring holds: it is freed as before
        life.post(10, true);
        life.rest(100 * kMillisecond);
      }
      EXPECT_GT(life.counts.acknowledged, before + 50) << blocks << " blocks";
      EXPECT_EQ(life.failure(), "") << blocks << " blocks";
      left = life.cut(blocks);
      EXPECT_EQ(life.failure(), "") << blocks << " blocks";
    }
    live_on(std::move(left), std::to_string(blocks) + " blocks free");
  }
}

}  // namespace
}  // namespace cwtch::simulate
