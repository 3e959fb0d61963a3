// Each bug planted in the log (engine/log/mutant.hpp) is found by the crash tests within so many seeds. A bug that is
// not found would mean that the tests look away.
#include <gtest/gtest.h>

#include <cstdio>

#include "engine/log/mutant.hpp"
#include "tests/sim/seeds.hpp"
#include "tools/simulate/log_life.hpp"
#include "tools/simulate/log_run.hpp"
#include "tools/simulate/reader_pass.hpp"

namespace cwtch::simulate {
namespace {

// A run of sealing and reading with a disk that fails now and then: what readers are served is the log's or an error.
std::string read_with_errors(uint64_t seed) {
  sim::World world(seed);
  CHECK(world.files().make_directory(kDirectory).has_value());
  Workload workload = Workload::draw(seed);
  workload.log.retain_records_max = 0;
  workload.disk_faults = {};
  workload.images_per_boundary_max = 0;
  CHECK(log::Log::create(world.files(), world.random(), kDirectory, workload.log).has_value());
  Truth truth;
  LogLife life(world, workload, truth, seed);
  CHECK(life.open());
  life.post(60, true);
  std::string wrong = life.failure();
  if (wrong.empty()) {
    life.rest(kSecond);
    const auto layout = life.log().shared()->layout();
    const std::vector<ChunkOnDisk> chunks = sealed_chunks(world.files(), *layout);
    const auto reader = log::Reader::make(life.io(), world.files(), life.log().shared(), {.cache_bytes = 64 << 10});
    for (int pass = 0; pass < 3 && wrong.empty(); ++pass) {
      world.disk().faults().read_error = 0.2;
      wrong = read_chunks(life.io(), *reader, chunks, truth).wrong;
      world.disk().faults().read_error = 0;
    }
    while (!reader->idle()) life.turn(true);
  }
  life.close();
  return wrong;
}

class LogMutants : public testing::Test {
 protected:
  ~LogMutants() override { planted<log::Mutant> = log::Mutant::none; }

  void expect_found(log::Mutant mutant, uint64_t seeds, std::string (*run)(uint64_t seed)) {
    planted<log::Mutant> = mutant;
    for (uint64_t seed = 1; seed <= seeds; ++seed) {
      const std::string failure = run(seed);
      if (failure.empty()) continue;
      std::printf("found at seed %llu: %s\n", static_cast<unsigned long long>(seed), failure.c_str());
      planted<log::Mutant> = log::Mutant::none;
      EXPECT_EQ(run(seed), "") << "seed " << seed << " fails without the bug too";
      return;
    }
    FAIL() << "not found within " << seeds << " seeds";
  }
  static std::string crash(uint64_t seed) { return run_log(seed, Workload::draw(seed)).failure; }
  static std::string failing_syncs(uint64_t seed) {
    Workload workload = Workload::draw(seed);
    workload.disk_faults.write_error = workload.disk_faults.name_error = 0;
    workload.disk_faults.sync_error = 0.05;
    return run_log(seed, workload).failure;
  }
};

TEST_F(LogMutants, AckBeforeSync) { expect_found(log::Mutant::ack_before_sync, 50, crash); }
TEST_F(LogMutants, NoChecksum) { expect_found(log::Mutant::no_checksum, 50, crash); }
TEST_F(LogMutants, ChecksumOfTheHeaderOnly) { expect_found(log::Mutant::header_checksum, 50, crash); }
TEST_F(LogMutants, RetryOfAFailedSync) { expect_found(log::Mutant::retry_failed_sync, 300, failing_syncs); }
TEST_F(LogMutants, StaleTail) { expect_found(log::Mutant::stale_tail, 100, crash); }
TEST_F(LogMutants, MissingDirectorySync) { expect_found(log::Mutant::missing_directory_sync, 50, crash); }
TEST_F(LogMutants, RewriteOfAnAcknowledgedBlock) { expect_found(log::Mutant::rewrite_acknowledged, 50, crash); }
TEST_F(LogMutants, ReadErrorServedAsData) { expect_found(log::Mutant::read_error_as_data, 50, read_with_errors); }

}  // namespace
}  // namespace cwtch::simulate
