// Workload: the checksum of one record (2.8 kB, each in another place of a buffer that fits no cache), and of whole
// chunks as a cache fill verifies them. Bytes moved: each byte is read once.
// Ceiling: reading memory, which BM_read_memory does with plain loads.

#include <benchmark/benchmark.h>

#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/core/random.hpp"

namespace cwtch {
namespace {

constexpr size_t kBufferBytes = 64 << 20;

const Bytes& buffer() {
  static const Bytes bytes = [] {
    Bytes b(kBufferBytes);
    SeededRandom(1).fill(b);
    return b;
  }();
  return bytes;
}

void BM_crc32c(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  size_t place = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(crc32c(0, ByteView(buffer()).subspan(place, size)));
    place = place + 2 * size <= kBufferBytes ? place + size : 0;
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_crc32c)->Arg(64)->Arg(2816)->Arg(256 << 10);

void BM_read_memory(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const uint8_t* const bytes = buffer().data();
  size_t place = 0;
  for (auto _ : state) {
    uint64_t sums[4] = {};  // four chains, so that additions are not what is measured
    for (size_t i = 0; i + 32 <= size; i += 32) {
      for (size_t j = 0; j < 4; ++j) sums[j] += load_le<uint64_t>(bytes + place + i + 8 * j);
    }
    benchmark::DoNotOptimize(sums);
    place = place + 2 * size <= kBufferBytes ? place + size : 0;
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_read_memory)->Arg(2816)->Arg(256 << 10);

}  // namespace
}  // namespace cwtch
