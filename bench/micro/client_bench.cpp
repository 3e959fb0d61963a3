// Workload: a stream of 2.8 kB records as a member receives it, of which none is its own, walked and tried with 1, 8
// and 64 group keys; the index stream of such records, with 1 and 20 keys; and the opening of a record that is ours.
// Bytes moved: the stream, read once. Ceiling: one pass over the stream (the checksum); per key 225 ns for a record
// without an entry, 38 ns with one.

#include <benchmark/benchmark.h>
#include <sodium.h>

#include <string>

#include "engine/client/index_stream.hpp"
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

// The index stream of 100,000 records of which none is ours, as it is received: checked, and tried with 1 and 20 keys.
void index(benchmark::State& state, Form form) {
  struct IndexMatch final : IndexStream::Visitor {
    explicit IndexMatch(const Keyring& keys) : keyring(keys) {}
    void entry(const log::IndexEntry& entry) override {
      found += (entry.tagged ? keyring.match_entry(entry.bytes) : keyring.match_probe(entry.bytes)) != Keyring::kNone;
    }
    Status block(const IndexPlace&, uint32_t) override { return {}; }
    const Keyring& keyring;
    uint64_t found = 0;
  };
  World world;
  Bytes record = world.record(form);
  log::IndexBlockBuilder builder({0}, 0, log::kRowBytesDefault);
  for (uint32_t i = 0; i < 100'000; ++i) {
    // Only what the index takes of it need differ.
    uint8_t* const changed = record.data() + (form == Form::tagged ? 64 : 80);
    world.random.fill({changed, 16});
    builder.add(record);
  }
  const Bytes block = builder.bytes();
  Keyring keyring(world.author->hostname());
  for (int64_t i = 0; i < state.range(0); ++i)
    keyring.add(create_group(world.author->hostname(), "", world.random).value());
  for (auto _ : state) {
    IndexStream stream(0, {});
    IndexMatch match(keyring);
    for (ByteView rest = block; !rest.empty();) {
      const ByteView piece = rest.first(std::min<size_t>(rest.size(), 256 * 1024));
      CHECK(stream.received(piece, match));
      rest = rest.subspan(piece.size());
    }
    CHECK(match.found == 0 && stream.place().position == 100'000);
  }
  state.SetItemsProcessed(state.iterations() * 100'000);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(block.size()));
}

void BM_index_untagged(benchmark::State& state) { index(state, Form::untagged); }
void BM_index_tagged(benchmark::State& state) { index(state, Form::tagged); }
BENCHMARK(BM_index_untagged)->Arg(1)->Arg(20);
BENCHMARK(BM_index_tagged)->Arg(1)->Arg(20);

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
