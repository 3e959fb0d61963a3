// Workload: "is this signature new?" against the blocked Bloom filter of a run with so many keys, 10 bits each, for
// fingerprints that are not in it; and the SipHash fingerprint that precedes the question.
// Bytes moved: one cache line per question. Ceiling: one memory latency, or several in flight at once.

#include <benchmark/benchmark.h>

#include <vector>

#include "engine/core/random.hpp"
#include "engine/log/bloom.hpp"
#include "engine/log/key_index.hpp"

namespace cwtch::log {
namespace {

void BM_key_filter_absent(benchmark::State& state) {
  const auto keys = static_cast<uint64_t>(state.range(0));
  const uint64_t blocks_count = bloom::blocks_for(keys, 100);
  std::vector<BloomBlock> blocks(blocks_count);
  SeededRandom random(1);
  for (uint64_t i = 0; i < keys; ++i) bloom::add(blocks.data(), blocks_count, random.next());
  uint64_t passes = 0;
  for (auto _ : state) passes += bloom::may_contain(blocks.data(), blocks_count, random.next()) ? 1 : 0;
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * 64);
  state.counters["false_positives"] = static_cast<double>(passes) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_key_filter_absent)->Arg(10'000)->Arg(1'000'000)->Arg(20'000'000);

void BM_key_fingerprint(benchmark::State& state) {
  KeySecret secret;
  SeededRandom random(1);
  random.fill(secret.bytes);
  Bytes key(static_cast<size_t>(state.range(0)));
  random.fill(key);
  for (auto _ : state) benchmark::DoNotOptimize(fingerprint(secret, KeyKind::signature, key));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_key_fingerprint)->Arg(kSignatureBytes)->Arg(kNonceBytes);

}  // namespace
}  // namespace cwtch::log
