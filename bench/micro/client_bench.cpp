// Workload: a stream of 2.8 kB records as a member receives it, of which none is its own, walked and tried with 1, 8
// and 64 group keys; and the opening of a record that is. Bytes moved: the stream, read once. Ceiling: one pass over
// the stream (the checksum); per key 225 ns for a record without an entry, 38 ns with one.

#include <benchmark/benchmark.h>
#include <sodium.h>

#include <string>

#include "engine/client/keyring.hpp"
#include "engine/client/message.hpp"
#include "engine/client/record_stream.hpp"
#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

struct World {
  World() {
    CHECK(sodium_init() >= 0);
    author.emplace(Identity::create(random));
    group = create_group(author->hostname(), "bench", random).value();
  }
  Bytes record(Form form) {
    return compose(group, *author, {"{\"o\":1,\"d\":\"hello\"}", 1'700'000'000, Signature{}}, form, random).value();
  }
  Bytes stream(Form form, size_t records) {
    Bytes bytes(log::kAnchorBytes + records * log::kRecordFrameBytesMax);
    size_t size = log::write_anchor(bytes, {0}, 0);
    uint32_t chain = 0;
    for (size_t i = 0; i < records; ++i)
      size += log::write_record(MutableBytes(bytes).subspan(size), {i}, record(form), &chain);
    bytes.resize(size);
    return bytes;
  }

  SeededRandom random{1};
  std::optional<Identity> author;
  Group group;
};

struct Match final : RecordStream::Visitor {
  explicit Match(const Keyring& keys) : keyring(keys) {}
  Status record(log::Position, ByteView record, uint32_t) override {
    found += keyring.match(record) != Keyring::kNone;
    return {};
  }
  void anchor(log::Position, uint32_t) override {}
  const Keyring& keyring;
  uint64_t found = 0;
};

void scan(benchmark::State& state, Form form) {
  World world;
  const Bytes bytes = world.stream(form, 2000);
  Keyring keyring(world.author->hostname());
  for (int64_t i = 0; i < state.range(0); ++i) {
    Group other = create_group(world.author->hostname(), "", world.random).value();
    keyring.add(other);
  }
  for (auto _ : state) {
    RecordStream stream({0}, std::nullopt);
    Match match(keyring);
    for (ByteView rest = bytes; !rest.empty();) {
      const MutableBytes room = stream.room();
      const size_t size = std::min(room.size(), rest.size());
      std::memcpy(room.data(), rest.data(), size);  // what the socket does
      rest = rest.subspan(size);
      CHECK(stream.received(size, match));
    }
    CHECK(match.found == 0 && stream.position().value == 2000);
  }
  state.SetItemsProcessed(state.iterations() * 2000);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes.size()));
}

void BM_scan_untagged(benchmark::State& state) { scan(state, Form::untagged); }
void BM_scan_tagged(benchmark::State& state) { scan(state, Form::tagged); }
BENCHMARK(BM_scan_untagged)->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_scan_tagged)->Arg(1)->Arg(8)->Arg(64);

void BM_open_message(benchmark::State& state) {
  World world;
  const Bytes record = world.record(Form::tagged);
  for (auto _ : state) CHECK(open(world.group, record));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_open_message);

void BM_compose_message(benchmark::State& state) {
  World world;
  for (auto _ : state) benchmark::DoNotOptimize(world.record(Form::tagged));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_compose_message);

}  // namespace
}  // namespace cwtch::client
