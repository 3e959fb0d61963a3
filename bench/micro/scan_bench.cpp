// Workload: a database of 3,072-byte records, one per column, times batches of queries modulo q: 65,536 records at
// once, or the same scan over 8 small ones of 1,050. Bytes moved: the matrix, read once per batch. Ceilings: "read",
// one sequential pass over the same bytes; "vnni", VPDPBUSD on registers alone, of which a product of a byte and a
// 32-bit word takes a sixteenth. of_read and of_vnni say what part of them a row reaches, measured in turns with it and
// by as many threads.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "bench/pir/ceilings.hpp"
#include "engine/core/random.hpp"
#include "kernels/scan.hpp"

namespace cwtch::kernels {
namespace {

using bench::has_vnni;
using bench::kVnniInstructions;
using bench::kVnniMacs;
using bench::read_once;
using bench::vnni_peak;

constexpr size_t kHeight = 3072;
constexpr size_t kWidth = 65'536;
constexpr size_t kSmallWidth = 1050;
constexpr size_t kSmallCount = 8;
constexpr size_t kHintQueries = 1024;

TiledMatrix filled(size_t width) {
  TiledMatrix matrix(kHeight, width);
  SeededRandom random(1);
  std::vector<uint8_t> bytes(kHeight);
  for (size_t column = 0; column < width; ++column) {
    random.fill(bytes);
    matrix.set_column(column, bytes.data());
  }
  return matrix;
}

const TiledMatrix& large() {
  static const TiledMatrix matrix = filled(kWidth);
  return matrix;
}

const std::vector<TiledMatrix>& small() {
  static const std::vector<TiledMatrix> matrices = [] {
    std::vector<TiledMatrix> all;
    for (size_t i = 0; i < kSmallCount; ++i) all.push_back(filled(kSmallWidth));
    return all;
  }();
  return matrices;
}

// One thread's part of the bytes.
void read_part(const TiledMatrix& matrix, size_t thread, size_t threads) {
  const size_t groups = matrix.bytes() / 256, first = groups * thread / threads;
  read_once(matrix.block(0, 0) + first * 256, (groups * (thread + 1) / threads - first) * 256);
}

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The best times of a row and of its ceilings, measured in turns, so that a neighbour that slows the machine down slows
// all three.
struct Best {
  double work = 1e9, read = 1e9, vnni = 1e9;  // seconds
};
constexpr size_t kPeakRounds = 200'000;

// Each thread takes its share of what `work` is given by number.
double together(size_t threads, const std::function<void(size_t thread)>& work) {
  return seconds([&] {
    std::vector<std::thread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(work, i);
    work(0);
    for (std::thread& other : others) other.join();
  });
}

using Scan = std::function<void(size_t thread)>;

void measure(benchmark::State& state, const std::vector<const TiledMatrix*>& matrices, size_t count, size_t threads,
             const Scan& scan) {
  double bytes = 0;
  for (const TiledMatrix* matrix : matrices) bytes += static_cast<double>(matrix->bytes());
  const size_t rounds = kPeakRounds * (threads == 1 ? 1 : 8);  // starting a thread should not show
  Best best;
  for (auto _ : state) {
    if (has_vnni()) {
      best.read = std::min(best.read, together(threads, [&](size_t thread) {
                             for (const TiledMatrix* matrix : matrices) read_part(*matrix, thread, threads);
                           }));
      best.vnni = std::min(best.vnni, together(threads, [&](size_t) { vnni_peak(rounds); }));
    }
    const double took = together(threads, scan);
    best.work = std::min(best.work, took);
    state.SetIterationTime(took);
  }
  const double macs = bytes * static_cast<double>(count);
  state.counters["best_bytes/s"] = bytes / best.work;
  state.counters["best_macs/s"] = macs / best.work;
  if (!has_vnni()) return;
  state.counters["of_read"] = best.read / best.work;
  const double peak =
      static_cast<double>(kVnniInstructions * kVnniMacs) * static_cast<double>(rounds * threads) / best.vnni;
  state.counters["of_vnni"] = macs / best.work / peak;
}

std::vector<uint32_t> some_queries(size_t count, size_t width) {
  SeededRandom random(2);
  std::vector<uint32_t> words(count * width);
  for (uint32_t& word : words) word = reduce(random.next());
  return words;
}

void scan_large(benchmark::State& state, const ScanTarget& target, size_t count, size_t threads) {
  const TiledMatrix& matrix = large();
  const std::vector<uint32_t> queries = some_queries(count, kWidth);
  std::vector<uint32_t> answers(count * kHeight);
  measure(state, {&matrix}, count, threads, [&](size_t thread) {
    const BlockRange range{matrix.blocks() * thread / threads, matrix.blocks() * (thread + 1) / threads};
    target.multiply(matrix, queries.data(), count, Modulus::q, range, answers.data());
  });
}

void scan_small(benchmark::State& state, const ScanTarget& target, size_t count) {
  std::vector<const TiledMatrix*> matrices;
  for (const TiledMatrix& matrix : small()) matrices.push_back(&matrix);
  const std::vector<uint32_t> queries = some_queries(count, kSmallWidth);
  std::vector<uint32_t> answers(count * kHeight);
  measure(state, matrices, count, 1, [&](size_t) {
    for (const TiledMatrix* matrix : matrices) {
      target.multiply(*matrix, queries.data(), count, Modulus::q, {0, matrix->blocks()}, answers.data());
    }
  });
}

void BM_scan_read(benchmark::State& state) {
  if (!has_vnni()) return state.SkipWithError("needs AVX-512 VNNI");
  const TiledMatrix& matrix = large();
  for (auto _ : state) read_part(matrix, 0, 1);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(large().bytes()));
}
BENCHMARK(BM_scan_read)->Name("scan/ceiling/read")->Unit(benchmark::kMillisecond);

void BM_scan_vnni(benchmark::State& state) {
  if (!has_vnni()) return state.SkipWithError("needs AVX-512 VNNI");
  for (auto _ : state) vnni_peak(kPeakRounds);
  state.counters["macs/s"] = benchmark::Counter(static_cast<double>(kVnniInstructions * kVnniMacs) * kPeakRounds,
                                                benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_scan_vnni)->Name("scan/ceiling/vnni")->Unit(benchmark::kMillisecond);

// Building the matrix from 256 records over and over, so many columns at once; bytes moved: what is written.
void BM_scan_fill(benchmark::State& state) {
  constexpr size_t kRecords = 256;
  const auto count = static_cast<size_t>(state.range(0));
  TiledMatrix matrix(kHeight, kWidth);
  const std::vector<uint8_t> records(kRecords * kHeight, 7);
  std::vector<const uint8_t*> columns;
  for (size_t i = 0; i < kRecords; ++i) columns.push_back(&records[i * kHeight]);
  for (auto _ : state) {
    for (size_t column = 0; column < kWidth; column += count) {
      if (count == 1) {
        matrix.set_column(column, columns[column % kRecords]);
      } else {
        matrix.set_columns(column, count, &columns[column % kRecords]);
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(matrix.bytes()));
}
BENCHMARK(BM_scan_fill)->Name("scan/fill")->Arg(1)->Arg(4)->Arg(16)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond);

// Times are of one batch. Minimum time 1 s, so that a best of many is one.
void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->Unit(benchmark::kMillisecond)->UseManualTime()->MinTime(1);
}

const bool kRegistered = [] {
  size_t targets_count = 0;
  const ScanTarget* const targets = scan_targets(&targets_count);
  for (size_t i = 1; i < targets_count; ++i) {  // the scalar one is not for speed
    const ScanTarget& target = targets[i];
    if (!target.usable()) continue;
    const std::string name = std::string("scan/") + target.name;
    for (const size_t count : {1, 2, 4, 8, 16, 64}) {
      add(name + "/batch:" + std::to_string(count),
          [=, &target](benchmark::State& state) { scan_large(state, target, count, 1); });
    }
    for (const size_t count : {1, 16, 64}) {
      add(name + "/batch:" + std::to_string(count) + "/threads:2",
          [=, &target](benchmark::State& state) { scan_large(state, target, count, 2); });
    }
    for (const size_t count : {1, 16}) {
      add(name + "/small:" + std::to_string(kSmallCount) + "/batch:" + std::to_string(count),
          [=, &target](benchmark::State& state) { scan_small(state, target, count); });
    }
    // What a dense hint is made by: as many queries as a secret has words, over a part of the database.
    add(name + "/small:" + std::to_string(kSmallCount) + "/hint:" + std::to_string(kHintQueries),
        [=, &target](benchmark::State& state) { scan_small(state, target, kHintQueries); });
  }
  return true;
}();

}  // namespace
}  // namespace cwtch::kernels
