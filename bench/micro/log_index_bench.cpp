// Workload: the block of a tail of 4,096 records of 2.8 kB (11.5 MB in memory), tagged or not, as a shard makes it for
// the first request behind a commit. anew: again and again; cold: after half a GiB of other memory was written.

#include <benchmark/benchmark.h>

#include "engine/core/random.hpp"
#include "engine/log/index_reader.hpp"
#include "engine/log/tail.hpp"

namespace cwtch::log {
namespace {

constexpr uint32_t kChunkBytes = 256 << 10;
constexpr uint32_t kRecords = 4096;

struct MadeTail {
  MadeTail(bool tagged, uint32_t records) : tail({kChunkBytes, records + 1, kRowBytesDefault}, {0}, 0, 0, 0) {
    SeededRandom random(1);
    Bytes record(2800);
    while (tail.next().value <= records) {
      random.fill(record);
      if (!tagged) std::fill_n(record.begin() + kSignatureBytes, kEntryBytes, uint8_t{0});
      frames.push_back(tail.append(record, {}).size());
    }
    layout.tail.push_back(tail.parts().front().segment);
  }
  Tail tail;
  Layout layout;
  std::vector<size_t> frames;
  Shared::Committed all() const { return {tail.next(), tail.stream_end()}; }
  Shared::Committed all_but_one() const { return {{tail.next().value - 1}, tail.stream_end() - frames.back()}; }
};

void BM_index_tail_anew(benchmark::State& state) {
  const MadeTail made(state.range(0) != 0, kRecords);
  size_t bytes = 0;
  for (auto _ : state) {
    TailIndex index(kRowBytesDefault);
    const auto blocks = index.blocks(made.layout, made.all_but_one(), {0});
    bytes = blocks->size();
    benchmark::DoNotOptimize(blocks->data());
  }
  state.counters["bytes_per_record"] = static_cast<double>(bytes) / kRecords;
}
BENCHMARK(BM_index_tail_anew)->ArgName("tagged")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void BM_index_tail_cold(benchmark::State& state) {
  const MadeTail made(state.range(0) != 0, kRecords);
  Bytes other(512 << 20);
  for (auto _ : state) {
    state.PauseTiming();
    for (size_t at = 0; at < other.size(); at += 64) ++other[at];
    state.ResumeTiming();
    TailIndex index(kRowBytesDefault);
    const auto blocks = index.blocks(made.layout, made.all_but_one(), {0});
    benchmark::DoNotOptimize(blocks->data());
  }
}
BENCHMARK(BM_index_tail_cold)->ArgName("tagged")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cwtch::log
