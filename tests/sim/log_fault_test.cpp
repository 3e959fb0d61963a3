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
      const bool poisoned = life.log().poisoned();
      happened = world_->disk().failures() != before;
      // A write or a sync that fails closes the log to posts; what is left of a file that was to be removed does not.
      if (happened && error == EIO && (call == sim::DiskCall::write || call == sim::DiskCall::sync)) {
        EXPECT_TRUE(poisoned) << what;
      }
      if (!happened) {
        EXPECT_FALSE(poisoned) << what;
      }
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

}  // namespace
}  // namespace cwtch::simulate
