#include "tools/pirbench/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "engine/core/random.hpp"
#include "kernels/pack.hpp"
#include "kernels/scan.hpp"
#include "pir/lattice/hint.hpp"

namespace cwtch::pirbench {
namespace {

using kernels::kDegree;

constexpr const char* kSchema = "pirbench-machine-1";
constexpr int kRuns = 7;
constexpr double kLongEnough = 0.05;  // seconds: beside it the clock and what a run begins with are nothing
constexpr size_t kHeight = 3072;
constexpr size_t kCopiedBytes = 32 << 20;
constexpr size_t kWidthMin = 1024, kWidthMax = 65536;  // of the largest matrix, 192 MiB: beyond most caches

double median_seconds(const std::function<void()>& work) {
  std::vector<double> runs;
  work();  // pages and tables that only the first run finds absent
  for (int i = 0; i < kRuns; ++i) {
    const double before = cpu_seconds();
    work();
    runs.push_back(cpu_seconds() - before);
  }
  std::nth_element(runs.begin(), runs.begin() + kRuns / 2, runs.end());
  return runs[kRuns / 2];
}

std::vector<uint32_t> words(size_t count) {
  SeededRandom random(1);
  std::vector<uint32_t> all(count);
  for (uint32_t& word : all) word = static_cast<uint32_t>(random.below(kernels::kQ));
  return all;
}

kernels::TiledMatrix matrix(size_t width) {
  kernels::TiledMatrix all(kHeight, width);
  Bytes column(kHeight);
  SeededRandom(1).fill(column);
  for (size_t i = 0; i < width; ++i) all.set_column(i, column.data());
  return all;
}

// Seconds per unit, of the first width at which a run is long enough to say.
double by_width(const std::function<double(const kernels::TiledMatrix&)>& seconds, double units_per_byte) {
  for (size_t width = kWidthMin;; width *= 4) {
    const kernels::TiledMatrix of = matrix(width);
    const double took = seconds(of);
    if (took >= kLongEnough || width >= kWidthMax)
      return took / (units_per_byte * kHeight * static_cast<double>(width));
  }
}

double scan(size_t queries) {
  return by_width(
      [&](const kernels::TiledMatrix& of) {
        const std::vector<uint32_t> vectors = words(queries * of.width());
        std::vector<uint32_t> products(queries * kHeight);
        return median_seconds([&] {
          kernels::scan().multiply(of, vectors.data(), queries, kernels::Modulus::q, {0, of.blocks()}, products.data());
        });
      },
      static_cast<double>(queries));
}

double transform() {
  const std::vector<uint32_t> multiplier = words(kDegree);
  const auto draw = [&](size_t, uint64_t, pir::Polynomial slots) {
    std::copy(multiplier.begin(), multiplier.end(), slots.begin());
  };
  return by_width(
      [&](const kernels::TiledMatrix& of) {
        return median_seconds([&] { pir::structured_hint(of, draw, pir::run_serially); });
      },
      1.0 / kDegree);
}

double copied() {
  const Bytes from(kCopiedBytes, 1);
  return median_seconds([&] { const Bytes to = from; }) / static_cast<double>(kCopiedBytes);
}

// Of one pass over what is prepared for one polynomial.
double pack_seconds(size_t keys) {
  constexpr size_t kDigits = pir::kRing32.digits;
  pir::Words prepared(kernels::prepared_words(kDigits)), key(kernels::key_words(kDigits)), packed(keys * kDegree);
  const std::vector<uint32_t> y = words(2 * kDigits * kDegree), some = words(kDegree);
  for (size_t i = 0; i < prepared.size(); ++i) prepared[i] = some[i % kDegree];
  kernels::pack_key(kDigits, y.data(), &y[kDigits * kDegree], key.data());
  const std::vector<pir::Words> copies(keys, key);
  std::vector<const uint32_t*> in;
  std::vector<uint32_t*> out;
  for (size_t i = 0; i < keys; ++i) {
    in.push_back(copies[i].data());
    out.push_back(&packed[i * kDegree]);
  }
  return median_seconds([&] { kernels::pack().pack(kDigits, prepared.data(), in.data(), keys, out.data()); });
}

// A line through two points: what a pass costs, and each key of it.
void price_packing(pir::Machine& machine) {
  constexpr size_t kFew = 1, kMany = 16;
  const auto count = static_cast<double>(kernels::prepared_words(pir::kRing32.digits));
  const double few = pack_seconds(kFew), many = pack_seconds(kMany);
  machine.pack_word = std::max(0.0, many - few) / (kMany - kFew) / count;
  machine.pack_read = std::max(0.0, few / count - machine.pack_word);
}

double word_mac() {
  SystemRandom random;
  const pir::DecryptionKey key = pir::OneTimeKey(random).encrypt({}, {}, {}, {});
  const std::vector<uint32_t> hint = words(kHeight * kDegree);
  volatile uint32_t sum = 0;
  const double seconds = median_seconds([&] {
    for (size_t row = 0; row < kHeight; ++row) sum = sum + key.open_number(&hint[row * kDegree], 0);
  });
  return seconds / static_cast<double>(hint.size());
}

double sample() {
  SystemRandom random;
  pir::Gaussian gaussian(random, pir::kSigma);
  std::vector<uint32_t> samples(1 << 18);
  return median_seconds([&] { gaussian.sample(samples); }) / static_cast<double>(samples.size());
}

// The units by name, as the file has them.
struct Unit {
  const char* name;
  double pir::Machine::*seconds;
};
constexpr Unit kUnits[] = {
    {"read_byte", &pir::Machine::read_byte},
    {"copied", &pir::Machine::copied},
    {"mac", &pir::Machine::mac},
    {"transform", &pir::Machine::transform},
    {"pack_read", &pir::Machine::pack_read},
    {"pack_word", &pir::Machine::pack_word},
    {"word_mac", &pir::Machine::word_mac},
    {"sample", &pir::Machine::sample},
};

}  // namespace

Calibration calibrate() {
  constexpr size_t kManyQueries = 64;
  const MachineInfo info = machine_info("");
  Calibration calibration{.machine = {.read_byte = scan(1),
                                      .copied = copied(),
                                      .mac = scan(kManyQueries),
                                      .transform = transform(),
                                      .word_mac = word_mac(),
                                      .sample = sample()},
                          .cpu = info.cpu,
                          .kernel_target = info.kernel_target,
                          .commit = info.commit};
  price_packing(calibration.machine);
  return calibration;
}

OrText<void> save(const Calibration& calibration, const std::string& path) {
  nlohmann::ordered_json json = {{"schema", kSchema},
                                 {"cpu", calibration.cpu},
                                 {"kernel_target", calibration.kernel_target},
                                 {"commit", calibration.commit}};
  for (const Unit& unit : kUnits) json["seconds_per"][unit.name] = calibration.machine.*unit.seconds;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << json.dump(1) << '\n';
  if (!file.flush()) return wrong(fmt::format("{}: cannot be written; is there such a folder, and room?", path));
  return {};
}

OrText<Calibration> load_calibration(const std::string& path) {
  const auto cure = [&](std::string_view what) {
    return wrong(fmt::format("{}: {}; make it anew with pirbench calibrate -o {}", path, what, path));
  };
  std::ifstream file(path, std::ios::binary);
  if (!file) return cure("cannot be read");
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object() || json.value("schema", "") != kSchema) return cure("is no calibration of this version");
  Calibration calibration{.machine = {},
                          .cpu = json.value("cpu", ""),
                          .kernel_target = json.value("kernel_target", ""),
                          .commit = json.value("commit", "")};
  const auto units = json.find("seconds_per");
  for (const Unit& unit : kUnits) {
    if (units == json.end() || !units->contains(unit.name) || !(*units)[unit.name].is_number()) {
      return cure(fmt::format("has no seconds_per.{}", unit.name));
    }
    calibration.machine.*unit.seconds = (*units)[unit.name].get<double>();
  }
  return calibration;
}

}  // namespace cwtch::pirbench
