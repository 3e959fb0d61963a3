#include "tools/simulate/log_run.hpp"

#include <optional>

#include "tools/simulate/log_life.hpp"

namespace cwtch::simulate {
namespace {

// One life in `world`. Returns what the power cut at its end has left.
std::optional<sim::Disk> live(sim::World& world, const Workload& workload, Truth& truth, sim::Dice& dice,
                              RunReport& report) {
  LogLife life(world, workload, truth, dice.next());
  std::optional<sim::Disk> left;
  if (life.open()) {
    life.post(static_cast<uint32_t>(dice.between(1, workload.records_per_life)), dice.below(2) == 0);
    const log::Statistics statistics = life.log().statistics();
    report.seals += statistics.segments_sealed;
    report.merges += statistics.segments_merged;
    report.retired += statistics.segments_retired;
    report.poisoned += life.log().poisoned() ? 1 : 0;
    if (dice.below(4) == 0) {
      life.close();
      left = world.disk().power_cut(dice.next());
    } else if (dice.below(3) == 0) {
      left = life.kill(dice.next());
      report.kills += 1;
    } else {
      left = life.cut(dice.next());
    }
  }
  report.lives += 1;
  report.images += life.counts.images;
  report.boundaries += life.counts.boundaries;
  report.acknowledged += life.counts.acknowledged;
  report.repeats += life.counts.repeats;
  report.conflicts += life.counts.conflicts;
  if (!life.failure().empty()) {
    report.failure = "life " + std::to_string(report.lives) + ", " + life.failure();
    report.history = world.disk().history();
    return std::nullopt;
  }
  return left;
}

}  // namespace

void RunReport::add(const RunReport& other) {
  images += other.images;
  boundaries += other.boundaries;
  lives += other.lives;
  kills += other.kills;
  acknowledged += other.acknowledged;
  seals += other.seals;
  merges += other.merges;
  retired += other.retired;
  repeats += other.repeats;
  conflicts += other.conflicts;
  poisoned += other.poisoned;
}

RunReport run_log(uint64_t seed, const Workload& workload) {
  RunReport report;
  report.seed = seed;
  sim::Dice dice(seed);
  Truth truth;
  auto world = std::make_unique<sim::World>(dice.next(), workload.faults);
  CHECK(world->files().make_directory(kDirectory).has_value());
  CHECK(world->files().sync_directory("").has_value());
  const Status made = log::Log::create(world->files(), world->random(), kDirectory, workload.log);
  if (!made) {
    report.failure = "create: " + made.error().message();
    return report;
  }
  for (uint32_t i = 0; i < workload.lives && report.failure.empty(); ++i) {
    std::optional<sim::Disk> left = live(*world, workload, truth, dice, report);
    if (left) world = std::make_unique<sim::World>(dice.next(), std::move(*left), workload.faults);
  }
  return report;
}

}  // namespace cwtch::simulate
