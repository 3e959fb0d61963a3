// Makes big logs for benches and start-up tests: appends through the log library itself, many records in flight.

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/core/random.hpp"
#include "engine/io/io.hpp"
#include "engine/log/log.hpp"
#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/records.hpp"
#include "tools/loadgen/report.hpp"
#include "tools/loadgen/usage.hpp"

namespace cwtch::loadgen {
namespace {

constexpr size_t kInFlight = 512;

void require(const Status& status, const char* what) {
  if (!status) throw std::runtime_error(fmt::format("fill: {}: {}", what, status.error().message()));
}

struct Filler {
  log::Log& log;
  RecordMaker maker;
  uint64_t wanted;
  uint64_t started = 0;
  uint64_t finished = 0;
  Bytes record = Bytes(maker.record_bytes());
  std::vector<log::Append*> waiting;  // done, or refused as busy: to be started in a later turn
  bool record_left_over = false;      // `record` was refused as busy and is next
  std::string failure;

  static void done(void* owner, log::Append& append) {
    auto& self = *static_cast<Filler*>(owner);
    self.waiting.push_back(&append);
    if (append.result) {
      ++self.finished;
    } else if (append.result.error().code == Errc::busy) {
      --self.started;
      self.record_left_over = true;
    } else {
      self.failure = append.result.error().message();
    }
  }

  void start_some() {
    std::vector<log::Append*> free;
    free.swap(waiting);
    while (!free.empty() && started < wanted && !record_left_over && failure.empty()) {
      log::Append* const append = free.back();
      free.pop_back();
      maker.next(record);
      start(*append);
    }
    waiting.insert(waiting.end(), free.begin(), free.end());
  }

  void start(log::Append& append) {
    ++started;
    log.append(append, record, &Filler::done, this);
  }
};

}  // namespace

Figures fill(const FillOptions& options) {
  auto io = io::make_io({});
  if (!io) throw std::runtime_error("fill: " + io.error().message());
  io::Files& files = io::system_files();
  SystemRandom random;
  const SystemClock clock;
  log::Options log_options;
  log_options.seal_records = options.seal_records;
  log_options.merge_factor = options.merge_factor;
  log_options.merged_bytes_max = options.merged_bytes_max;

  std::filesystem::create_directories(options.directory);
  if (!std::filesystem::exists(options.directory + "/manifest")) {
    require(log::Log::create(files, random, options.directory, log_options), "create");
  }
  std::string damage;
  auto opened = log::Log::open(files, clock, random, options.directory, log_options, &damage);
  if (!opened) throw std::runtime_error(fmt::format("fill: {} {}", opened.error().message(), damage));
  log::Log& log = **opened;
  log.start(**io);

  const uint64_t start_ns = monotonic_ns();
  const uint64_t own_cpu = own_cpu_ns();
  Filler filler{.log = log, .maker = RecordMaker(options.seed, options.record_bytes), .wanted = options.records};
  std::vector<std::unique_ptr<log::Append>> appends;
  for (size_t i = 0; i < kInFlight; ++i) {
    appends.push_back(std::make_unique<log::Append>());
    filler.waiting.push_back(appends.back().get());
  }
  uint64_t ticked_ns = start_ns;
  while (filler.finished < options.records) {
    if (filler.record_left_over) {  // the order of records is part of what the seed promises
      filler.record_left_over = false;
      log::Append* const append = filler.waiting.back();
      filler.waiting.pop_back();
      filler.start(*append);
    }
    filler.start_some();
    log.turn_end();
    if (!filler.failure.empty()) throw std::runtime_error("fill: " + filler.failure);
    (*io)->turn(!filler.record_left_over);
    if (monotonic_ns() - ticked_ns > 1'000'000'000) {
      ticked_ns = monotonic_ns();
      log.tick();
      show_progress("filling", static_cast<double>(filler.finished) / static_cast<double>(options.records));
    }
  }
  const double seconds = static_cast<double>(monotonic_ns() - start_ns) / 1e9;
  // Sealing and merging lag behind a fill at full speed: what is measured later is a log that has come to rest.
  const auto changes = [&log] { return log.statistics().segments_sealed + log.statistics().segments_merged; };
  uint64_t seen = changes();
  for (uint64_t still_ns = monotonic_ns(); monotonic_ns() - still_ns < 1'500'000'000;) {
    log.tick();
    log.turn_end();
    (*io)->turn(false);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (changes() == seen) continue;
    seen = changes();
    still_ns = monotonic_ns();
  }
  log.drain();
  while (!log.idle()) {
    log.turn_end();
    (*io)->turn(true);
  }
  const log::Statistics statistics = log.statistics();
  show_progress("filling", 1);

  Figures figures;
  figures["records"] = options.records;
  figures["record_bytes"] = options.record_bytes;
  figures["seconds"] = seconds;
  figures["records_per_s"] = static_cast<double>(options.records) / seconds;
  figures["cpu_us_per_record"] =
      static_cast<double>(own_cpu_ns() - own_cpu) / 1e3 / static_cast<double>(options.records);
  figures["groups"] = statistics.groups_written;
  figures["segments_sealed"] = statistics.segments_sealed;
  figures["segments_merged"] = statistics.segments_merged;
  figures["index_memory_bytes"] = statistics.index_memory_bytes;
  figures["index_keys"] = statistics.index_keys;
  return figures;
}

}  // namespace cwtch::loadgen
