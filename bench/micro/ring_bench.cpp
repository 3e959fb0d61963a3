// Transforms and packing of private retrieval, per processor target: sixteen polynomials of degree 1,024 at once; hints
// of a 192 MiB matrix; one key (and several) times 20 MiB of prepared words, beside reading the same bytes once.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>

#include "bench/pir/ceilings.hpp"
#include "engine/core/aligned_memory.hpp"
#include "kernels/pack.hpp"
#include "kernels/ring.hpp"
#include "kernels/scan.hpp"

namespace cwtch::kernels {
namespace {

constexpr size_t kDigits = 5;

uint32_t* fill(const AlignedMemory& memory) {
  auto* const words = reinterpret_cast<uint32_t*>(memory.data());
  std::mt19937 random(1);
  for (size_t i = 0; i < memory.size() / sizeof *words; ++i) words[i] = static_cast<uint32_t>(random()) % kQ;
  return words;
}

void forward(benchmark::State& state, const RingTarget& target) {
  const AlignedMemory memory(kLaneWords * sizeof(uint32_t));
  uint32_t* const lanes = fill(memory);
  for (auto _ : state) target.forward(lanes);
  state.SetItemsProcessed(state.iterations() * int64_t{kLanes});
}

void inverse(benchmark::State& state, const RingTarget& target) {
  const AlignedMemory memory(kLaneWords * sizeof(uint32_t));
  uint32_t* const lanes = fill(memory);
  for (auto _ : state) target.inverse(lanes);
  state.SetItemsProcessed(state.iterations() * int64_t{kLanes});
}

void hint(benchmark::State& state, const RingTarget& target) {
  const TiledMatrix matrix(3072, 65536);
  const AlignedMemory sums(4 * kLaneWords * sizeof(uint32_t)), factors(kDegree * sizeof(uint32_t));
  uint32_t *const sum = fill(sums), *const factor = fill(factors);
  size_t rows = 0;
  for (auto _ : state) {  // 64 rows of the whole matrix
    for (size_t block = 0; block < matrix.width() / kDegree; ++block) {
      for (size_t group = 0; group < 4; ++group) {
        const uint8_t* tiles[4];
        for (size_t panel = 0; panel < 4; ++panel) {
          tiles[panel] = matrix.block(block * 4 + panel, rows) + group * kTileBytes;
        }
        target.hint_add(sum + group * kLaneWords, tiles, kBlockRows * 4, factor);
      }
    }
    rows = (rows + 1) % matrix.blocks();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(matrix.width() * kBlockRows));
}

void pack(benchmark::State& state, const PackTarget& target, size_t keys_count) {
  const AlignedMemory prepared(prepared_words(kDigits) * sizeof(uint32_t));
  const AlignedMemory keys(keys_count * key_words(kDigits) * sizeof(uint32_t)), out(keys_count * kDegree * 4);
  const uint32_t* const words = fill(prepared);
  uint32_t *const key = fill(keys), *const to = fill(out);
  std::vector<const uint32_t*> in;
  std::vector<uint32_t*> results;
  for (size_t k = 0; k < keys_count; ++k) {
    in.push_back(key + k * key_words(kDigits));
    results.push_back(to + k * kDegree);
  }
  for (auto _ : state) target.pack(kDigits, words, in.data(), keys_count, results.data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(prepared_words(kDigits) * sizeof(uint32_t)));
}

// The ceiling: prepared words read once, in order.
void read(benchmark::State& state) {
  const AlignedMemory prepared(prepared_words(kDigits) * sizeof(uint32_t));
  fill(prepared);
  for (auto _ : state) bench::read_once(prepared.data(), prepared.size() / 256 * 256);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(prepared_words(kDigits) * sizeof(uint32_t)));
}
BENCHMARK(read)->Name("ring/read");

const bool kRegistered = [] {
  size_t count = 0;
  const RingTarget* const ring = ring_targets(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!ring[i].usable()) continue;
    const std::string name = std::string("ring/") + ring[i].name;
    benchmark::RegisterBenchmark((name + "/forward").c_str(), forward, ring[i]);
    benchmark::RegisterBenchmark((name + "/inverse").c_str(), inverse, ring[i]);
    benchmark::RegisterBenchmark((name + "/hint").c_str(), hint, ring[i]);
  }
  const PackTarget* const packs = pack_targets(&count);
  for (size_t i = 0; i < count; ++i) {
    if (!packs[i].usable()) continue;
    for (const size_t keys : {size_t{1}, size_t{2}, size_t{4}, size_t{8}}) {
      const std::string name = std::string("ring/") + packs[i].name + "/pack/" + std::to_string(keys);
      benchmark::RegisterBenchmark(name.c_str(), pack, packs[i], keys);
    }
  }
  return true;
}();

}  // namespace
}  // namespace cwtch::kernels
