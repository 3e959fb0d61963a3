// Workload: the key index of a log of so many records, its runs sealed every 4096 records and merged at powers of 8 on
// a real disk, as the log does it. Then: is a new record absent (the common case, no I/O); where is one that is there
// (one page read). Reports RAM and start-up reading per record: at most 3 bytes each at 10^7.

#include <benchmark/benchmark.h>

#include <chrono>
#include <map>

#include "bench/micro/log_bench_directory.hpp"
#include "engine/core/random.hpp"
#include "engine/io/io.hpp"
#include "engine/log/key_index.hpp"
#include "engine/log/key_run.hpp"

namespace cwtch::log {
namespace {

constexpr uint64_t kRunRecords = 4096;

std::array<Key, 2> keys(uint64_t position) {
  SeededRandom random(position);
  return {Key{random.next(), position}, Key{random.next(), position}};
}

// The index of `records` records, made once per process: it takes a while.
struct Made {
  explicit Made(uint64_t records) : records_count(records) {
    auto& files = io::system_files();
    uint64_t bytes_read = 0;
    auto index = std::move(*KeyIndex::open(files, directory.path(), {}, &bytes_read));
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t first = 0; first < records; first += kRunRecords) {
      const RunName name{{first}, {std::min(first + kRunRecords, records)}};
      std::vector<Key> all;
      for (uint64_t p = name.first.value; p < name.end.value; ++p)
        for (const Key& key : keys(p)) all.push_back(key);
      index->adopt(*KeyIndex::build(files, directory.path(), name, std::move(all)));
      for (auto from = index->merge_candidates(KeyIndex::kMergeFactor); !from.empty();
           from = index->merge_candidates(KeyIndex::kMergeFactor)) {
        const RunName to{from.front().first, from.back().end};
        index->adopt(*KeyIndex::merge(files, directory.path(), from, to, {0}));
        for (const RunName& old : from) CHECK(files.unlink(directory.path() + "/" + old.file()));
        for (const RunName& old : from) keys_merged += 2 * (old.end.value - old.first.value);
      }
    }
    build_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    names = index->runs();
  }

  bench::Directory directory;
  uint64_t records_count;
  uint64_t keys_merged = 0;
  double build_s = 0;
  std::vector<RunName> names;
};

Made& made(uint64_t records) {
  static std::map<uint64_t, std::unique_ptr<Made>> all;
  auto& one = all[records];
  if (one == nullptr) one = std::make_unique<Made>(records);
  return *one;
}

std::unique_ptr<KeyIndex> open(const Made& m, io::Io& io, benchmark::State& state) {
  uint64_t bytes_read = 0;
  auto index = std::move(*KeyIndex::open(io::system_files(), m.directory.path(), m.names, &bytes_read));
  index->start(io);
  const KeyIndex::Statistics s = index->statistics();
  CHECK(s.keys == 2 * m.records_count && s.damaged_runs == 0);
  const auto per_record = [&](uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(m.records_count);
  };
  state.counters["ram_per_record"] = per_record(s.memory_bytes);
  state.counters["start_read_per_record"] = per_record(bytes_read);
  state.counters["runs"] = static_cast<double>(s.runs);
  state.counters["rewrites_per_key"] = per_record(m.keys_merged) / 2;
  state.counters["build_s"] = m.build_s;
  return index;
}

void BM_key_index_absent(benchmark::State& state) {
  const Made& m = made(static_cast<uint64_t>(state.range(0)));
  const auto io = std::move(*io::make_io({}));
  const auto index = open(m, *io, state);
  SeededRandom random(~uint64_t{0});
  uint64_t passes = 0;
  for (auto _ : state) passes += index->absent(random.next(), random.next()) ? 0 : 1;
  state.SetItemsProcessed(state.iterations());
  state.counters["must_read"] = static_cast<double>(passes) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_key_index_absent)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

// 32 questions at a time, as posts that arrive together ask them.
void BM_key_index_lookup(benchmark::State& state) {
  const Made& m = made(static_cast<uint64_t>(state.range(0)));
  const auto io = std::move(*io::make_io({}));
  const auto index = open(m, *io, state);
  SeededRandom random(1);
  std::vector<Lookup> lookups(32);
  uint64_t waiting = 0;
  for (auto _ : state) {
    for (Lookup& lookup : lookups) {
      const bool at_once = index->lookup(
          lookup, keys(random.below(m.records_count))[0].fingerprint,
          [](void* w, Lookup& l) {
            CHECK(l.result && !l.candidates.empty());
            --*static_cast<uint64_t*>(w);
          },
          &waiting);
      waiting += at_once ? 0 : 1;
    }
    while (waiting > 0) io->turn(true);
  }
  const auto asked = static_cast<double>(state.iterations()) * static_cast<double>(lookups.size());
  state.SetItemsProcessed(static_cast<int64_t>(asked));
  state.counters["reads_per_lookup"] = static_cast<double>(index->statistics().disk_reads) / asked;
}
BENCHMARK(BM_key_index_lookup)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000)->UseRealTime();

// Keys per second of a merge of 8 runs, by one worker, files in the page cache or not as the kernel likes.
void BM_key_index_merge(benchmark::State& state) {
  auto& files = io::system_files();
  const bench::Directory directory;
  std::vector<RunName> from;
  const auto records = static_cast<uint64_t>(state.range(0));
  for (uint64_t i = 0; i < 8; ++i) {
    const RunName name{{i * records}, {(i + 1) * records}};
    std::vector<Key> all;
    for (uint64_t p = name.first.value; p < name.end.value; ++p)
      for (const Key& key : keys(p)) all.push_back(key);
    CHECK(KeyIndex::build(files, directory.path(), name, std::move(all)));
    from.push_back(name);
  }
  for (auto _ : state) CHECK(KeyIndex::merge(files, directory.path(), from, {{0}, {8 * records}}, {0}));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(16 * records));
}
BENCHMARK(BM_key_index_merge)->Arg(4096)->Arg(262144)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cwtch::log
