#include "tools/simulate/image_check.hpp"

#include "engine/core/clock.hpp"
#include "engine/core/random.hpp"
#include "engine/log/index_file.hpp"
#include "engine/sim/sim_files.hpp"
#include "tools/simulate/log_walk.hpp"

namespace cwtch::simulate {
namespace {

class StoppedClock final : public Clock {
 public:
  explicit StoppedClock(uint64_t hour_s) : hour_s_(hour_s) {}
  uint64_t monotonic_ns() const override { return kSecond; }
  uint64_t wall_hour_s() const override { return hour_s_; }

 private:
  uint64_t hour_s_;
};

}  // namespace

std::string ImageCheck::recover(sim::Disk& image, const Truth& truth, const Promise& promise, uint64_t seed,
                                Truth* found) {
  ++images_;
  sim::SimFiles files(image);
  const StoppedClock clock(hour_);
  SeededRandom random(seed);
  std::string damage;
  const auto opened = log::Log::open(files, clock, random, kDirectory, options_, &damage);
  if (!opened) return "recovery fails: " + opened.error().message() + (damage.empty() ? "" : ", " + damage);

  const log::Shared& shared = *(*opened)->shared();
  const uint64_t first = shared.layout()->first_retained.value;
  std::vector<AlignedMemory> memory;
  std::vector<ByteView> records;
  std::string wrong = walk_log(files, shared, &memory, [&](uint64_t, ByteView record) { records.push_back(record); });
  if (wrong.empty()) wrong = truth.compare(promise, first, records);
  for (const auto& segment : shared.layout()->segments) {  // nothing has to be made anew after a crash
    const Status index = log::check_index(files, *segment, shared.row_bytes);
    if (wrong.empty() && !index) wrong = segment->index_path + ": " + index.error().message();
  }
  if (wrong.empty() && found != nullptr) {
    found->known.assign(first, nullptr);
    for (const ByteView record : records) found->known.push_back(std::make_shared<Bytes>(record.begin(), record.end()));
    found->promise = {{}, found->known.size(), first};
  }
  return wrong;
}

std::string ImageCheck::check(sim::Disk image, const Truth& truth, const Promise& promise, uint64_t seed, bool again) {
  Truth found;
  std::string wrong = recover(image, truth, promise, seed, again ? &found : nullptr);
  if (!wrong.empty() || !again) return wrong;
  sim::Disk second = image.power_cut(seed ^ 0x2ECD);
  wrong = recover(second, found, found.promise, seed, nullptr);
  return wrong.empty() ? wrong : "second recovery: " + wrong;
}

std::string ImageCheck::check_with_recovery_cuts(sim::Disk image, const Truth& truth, const Promise& promise,
                                                 uint64_t seed, uint32_t images_per_boundary) {
  sim::Dice dice(seed);
  std::vector<sim::Disk> images;
  image.on_boundary([&] {
    for (uint32_t i = 0; i < images_per_boundary; ++i) images.push_back(image.power_cut(dice.next()));
  });
  std::string wrong = recover(image, truth, promise, seed, nullptr);
  if (!wrong.empty()) return wrong;
  for (size_t i = 0; i < images.size(); ++i) {
    wrong = check(std::move(images[i]), truth, promise, dice.next(), true);
    if (!wrong.empty()) return "recovery cut at its boundary " + std::to_string(i / images_per_boundary) + ": " + wrong;
  }
  return {};
}

}  // namespace cwtch::simulate
