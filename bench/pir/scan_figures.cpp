#include <sched.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <thread>

#include "bench/pir/ceilings.hpp"
#include "bench/pir/figures.hpp"
#include "bench/pir/row_major.hpp"
#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/hint.hpp"

namespace cwtch::bench {
namespace {

using kernels::kDegree;
using kernels::TiledMatrix;

constexpr size_t kPeakRounds = 200'000;
constexpr int kTogetherTurns = 5;
constexpr size_t kBatchMax = 64;

TiledMatrix filled(size_t width, uint64_t seed) {
  TiledMatrix matrix(kRowBytes, width);
  SeededRandom random(seed);
  std::vector<uint8_t> bytes(kRowBytes);
  for (size_t column = 0; column < width; ++column) {
    random.fill(bytes);
    matrix.set_column(column, bytes.data());
  }
  return matrix;
}

struct Databases {
  const TiledMatrix whole = filled(kRows, 1);
  std::vector<TiledMatrix> parts;
  // A dense hint's "queries" are the columns of the public matrix: kDegree of them, over one part.
  const pir::Words queries = some_residues(std::max(kBatchMax * kRows, kDegree* kRows / kParts), 2);
  pir::Words answers = pir::Words(kDegree * kRowBytes);

  Databases() {
    for (size_t i = 0; i < kParts; ++i) parts.push_back(filled(kRows / kParts, i));
  }
  void scan(const TiledMatrix& matrix, size_t count, size_t thread = 0, size_t threads = 1) {
    const kernels::BlockRange range{matrix.blocks() * thread / threads, matrix.blocks() * (thread + 1) / threads};
    kernels::scan().multiply(matrix, queries.data(), count, kernels::Modulus::q, range, answers.data());
  }
};

// The cores that this program may use.
std::vector<int> cores() {
  cpu_set_t allowed;
  CHECK(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
  std::vector<int> numbers;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) numbers.push_back(core);
  }
  return numbers;
}

// The calling thread, on these cores alone.
void stay_on(const std::vector<int>& numbers) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : numbers) CPU_SET(core, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
}

// By the clock, from the moment that the last thread is there until all are done; each on a core of its own, or two
// would often share one while other programs run. One of them may still have to wait for its core: the best of several.
double together(size_t threads, const std::function<void(size_t thread)>& work) {
  using Clock = std::chrono::steady_clock;
  const std::vector<int> all = cores();
  double best = 1e9;
  for (int i = 0; i < kTogetherTurns; ++i) {
    Clock::time_point begin;
    std::barrier ready(static_cast<ptrdiff_t>(threads), [&]() noexcept { begin = Clock::now(); });
    const auto share = [&](size_t thread) {
      stay_on({all[thread]});
      ready.arrive_and_wait();
      work(thread);
    };
    std::vector<std::thread> others;
    for (size_t thread = 1; thread < threads; ++thread) others.emplace_back(share, thread);
    share(0);
    for (std::thread& other : others) other.join();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count());
    stay_on(all);
  }
  return best;
}

// The same answers from the other layout, or it is no comparison.
void check_row_major(Databases& data, const RowMajor& records) {
  data.scan(data.whole, 1);
  pir::Words answers(kRowBytes);
  records.multiply(data.queries.data(), 1, answers.data());
  CHECK(std::equal(answers.begin(), answers.end(), data.answers.begin()));
}

// Batches over one part, since both cores are rarely free for as long as the whole takes.
void add_together(std::vector<Figure>& figures, const std::shared_ptr<Databases>& data, size_t threads) {
  const std::string suffix = threads == 1 ? ".one_thread" : ".two_threads";
  const auto add = [&](const char* name, const char* unit, double amount, std::function<void(size_t thread)> work) {
    figures.push_back(rate(name + suffix, unit, amount, false,
                           [threads, work = std::move(work)] { return together(threads, work); }));
  };
  const TiledMatrix &whole = data->whole, &part = data->parts[0];
  add("read", "GB/s", static_cast<double>(whole.bytes()), [data, threads](size_t thread) {
    const size_t share = data->whole.bytes() / threads;
    read_once(data->whole.block(0, 0) + share * thread, share);
  });
  add("scan.1", "GB/s", static_cast<double>(whole.bytes()),
      [data, threads](size_t thread) { data->scan(data->whole, 1, thread, threads); });
  for (const size_t queries : {16, 64}) {
    add(("scan." + std::to_string(queries)).c_str(), "GMAC/s", static_cast<double>(queries * part.bytes()),
        [data, threads, queries](size_t thread) { data->scan(data->parts[0], queries, thread, threads); });
  }
}

}  // namespace

std::vector<Figure> scan_figures(std::vector<std::shared_ptr<void>>& keep) {
  const auto data = std::make_shared<Databases>();
  keep.push_back(data);
  const auto bytes = static_cast<double>(data->whole.bytes());
  const auto part_bytes = static_cast<double>(data->parts[0].bytes());
  std::vector<Figure> figures;
  const auto add = [&](const char* name, const char* unit, double amount, bool slow, std::function<void()> work) {
    figures.push_back(rate(name, unit, amount, slow, [work = std::move(work)] { return cpu_seconds(work); }));
  };

  add("read", "GB/s", bytes, false, [data] { read_once(data->whole.block(0, 0), data->whole.bytes()); });
  add("scan.1", "GB/s", bytes, false, [data] { data->scan(data->whole, 1); });
  add("scan.split8", "GB/s", bytes, false, [data] {
    for (const TiledMatrix& part : data->parts) data->scan(part, 1);
  });
  for (size_t threads = 1; threads <= std::min<size_t>(2, cores().size()); ++threads) {
    add_together(figures, data, threads);
  }

  if (has_vnni()) {
    add("vnni", "GMAC/s", static_cast<double>(kPeakRounds * kVnniInstructions * kVnniMacs), true,
        [] { vnni_peak(kPeakRounds); });
  }
  add("scan.16", "GMAC/s", 16 * bytes, true, [data] { data->scan(data->whole, 16); });
  add("scan.64", "GMAC/s", 64 * bytes, true, [data] { data->scan(data->whole, 64); });
  // Both hints of one part, as simplepir has them, in multiply-adds of the dense one.
  add("hint.dense", "GMAC/s", kDegree * part_bytes, true, [data] { data->scan(data->parts[0], kDegree); });
  add("hint.structured", "GMAC/s", kDegree * part_bytes, true, [data, crs = pir::Crs("bench", "simplepir-v1")] {
    pir::Words hint = pir::structured_hint(
        data->parts[0],
        [&](size_t, uint64_t block, pir::Polynomial slots) { crs.polynomial(pir::block_domain(block), slots); },
        pir::run_serially);
    pir::hint_coefficients(hint, pir::run_serially);
  });

  if (has_vnni()) {
    const auto records = std::make_shared<RowMajor>(data->whole);
    keep.push_back(records);
    check_row_major(*data, *records);
    add("scan.1.row_major", "GB/s", bytes, false,
        [data, records] { records->multiply(data->queries.data(), 1, data->answers.data()); });
    add("scan.16.row_major", "GMAC/s", 16 * bytes, true,
        [data, records] { records->multiply(data->queries.data(), 16, data->answers.data()); });
  }
  return figures;
}

}  // namespace cwtch::bench
