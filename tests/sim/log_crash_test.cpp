// At whatever moment the power fails, recovery finds every record that was acknowledged or shown to a reader, byte for
// byte at its position, and behind them nothing but records that were being posted. A quarter of the images are of a
// killed program, whose bytes the next one sees, and then of a power cut behind its start.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tests/sim/seeds.hpp"
#include "tools/simulate/log_life.hpp"
#include "tools/simulate/log_run.hpp"

namespace cwtch::simulate {
namespace {

// A number for the log of the test run; nothing depends on it.
class Rate {
 public:
  void print(const char* what, uint64_t images) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    std::printf("%s: %llu images recovered and checked, %.0f per second\n", what,
                static_cast<unsigned long long>(images), static_cast<double>(images) / seconds);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST(LogCrash, WhatWasPromisedSurvivesEveryPowerCut) {
  const uint64_t wanted = test::often(100'000);
  const Rate rate;
  RunReport sum;
  // The runs go everywhere the log can go: a short round, under a sanitizer, goes on until it has.
  const auto everywhere = [&] {
    return std::min({sum.acknowledged, sum.kills, sum.seals, sum.merges, sum.retired, sum.repeats, sum.conflicts,
                     sum.poisoned}) > 0;
  };
  constexpr uint64_t kImagesMax = 100'000;
  for (uint64_t seed = 1; sum.images < wanted || (!everywhere() && sum.images < kImagesMax); ++seed) {
    const RunReport run = run_log(seed, Workload::draw(seed));
    ASSERT_TRUE(run.failure.empty()) << run.message() << "\n" << test::replay(seed) << "\n" << run.history;
    sum.add(run);
  }
  rate.print("power cuts", sum.images);
  EXPECT_TRUE(everywhere());
}

TEST(LogCrash, RecordsOfOneLengthSurvive) {
  const uint64_t wanted = test::often(20'000);
  const Rate rate;
  uint64_t images = 0;
  for (uint64_t seed = 1'000'000; images < wanted; ++seed) {
    const RunReport run = run_log(seed, Workload::draw(seed, Focus::one_length));
    ASSERT_TRUE(run.failure.empty()) << run.message() << "\n"
                                     << test::replay(seed) << " --focus one-length\n"
                                     << run.history;
    images += run.images;
  }
  rate.print("records of one length", images);
}

// Recovery is cut at its first, second, third ... boundary, several times each, and what it leaves is recovered again:
// for every image of small logs.
TEST(LogCrash, RecoverySurvivesACutAtEachOfItsSteps) {
  const uint64_t wanted = test::often(20'000);
  const Rate rate;
  uint64_t images = 0;
  for (uint64_t seed = 2'000'000; images < wanted; ++seed) {
    const RunReport run = run_log(seed, Workload::draw(seed, Focus::recovery_steps));
    ASSERT_TRUE(run.failure.empty()) << run.message() << "\n"
                                     << test::replay(seed) << " --focus recovery-steps\n"
                                     << run.history;
    images += run.images;
  }
  rate.print("cuts in recovery", images);
}

// A log that is being made is there as a whole, and empty, or not at all.
TEST(LogCrash, ALogIsMadeAsAWhole) {
  uint64_t whole = 0, missing = 0;
  for (uint64_t seed = 0; seed < test::often(100); ++seed) {
    const Workload workload = Workload::draw(seed);
    sim::World world(seed);
    ASSERT_TRUE(world.files().make_directory(kDirectory));
    ASSERT_TRUE(world.files().sync_directory(""));
    std::vector<sim::Disk> images;
    sim::Dice dice(seed);
    world.disk().on_boundary([&] {
      for (int i = 0; i < 4; ++i) images.push_back(world.disk().power_cut(dice.next()));
    });
    ASSERT_TRUE(log::Log::create(world.files(), world.random(), kDirectory, workload.log));
    for (sim::Disk& image : images) {
      sim::World after(dice.next(), std::move(image));
      std::string damage;
      const auto opened =
          log::Log::open(after.files(), after.clock(), after.random(), kDirectory, workload.log, &damage);
      if (opened) {
        ++whole;
        EXPECT_EQ((*opened)->shared()->committed().end.value, 0u) << "seed " << seed;
      } else {
        ++missing;
        EXPECT_TRUE(opened.error().code == Errc::not_found || opened.error().code == Errc::corrupt)
            << "seed " << seed << ": " << opened.error().message();
      }
    }
    world.disk().on_boundary({});
    ImageCheck check(workload.log, 0);
    EXPECT_EQ(check.check(world.disk().power_cut(seed), {}, {}, seed, true), "") << "seed " << seed;
  }
  EXPECT_GT(whole, 0u);
  EXPECT_GT(missing, 0u);
}

TEST(LogCrash, ASeedIsARun) {
  for (const uint64_t seed : {3, 14, 159}) {
    const RunReport one = run_log(seed, Workload::draw(seed)), two = run_log(seed, Workload::draw(seed));
    EXPECT_EQ(one.images, two.images);
    EXPECT_EQ(one.boundaries, two.boundaries);
    EXPECT_EQ(one.acknowledged, two.acknowledged);
    EXPECT_EQ(one.merges, two.merges);
  }
}

}  // namespace
}  // namespace cwtch::simulate
