// Workload: a sealed log of 2.8 kB records in chunks of 256 KiB, read through log::Reader. hit: chunks that are in the
// cache (per chunk, whatever its size: nothing touches the bytes). fill: chunks from the disk, verified; by 1 and 16
// readers at different places, the log four times the cache. Ceilings: direct_read, the same reads without cache and
// checksum; crc, the checksum alone on memory that is not in the processor's cache.

#include <benchmark/benchmark.h>

#include "bench/micro/log_bench_directory.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/core/random.hpp"
#include "engine/io/io.hpp"
#include "engine/log/index_block.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/log/tail.hpp"

namespace cwtch::log {
namespace {

constexpr uint32_t kChunkBytes = 256 << 10;
constexpr uint64_t kSegmentsCount = 16;
constexpr uint64_t kRecordsPerSegment = 6000;  // about 16 MiB

// A log of 16 segments, 256 MiB, made once per process.
struct Made {
  Made() {
    auto& files = io::system_files();
    CHECK(files.make_directory(directory.path() + "/segments"));
    SeededRandom random(1);
    Bytes record(2800);
    Tail tail({kChunkBytes, kRecordsPerSegment, kRowBytesDefault}, {0}, 0, 0, 0);
    auto layout = std::make_shared<Layout>();
    for (uint64_t s = 0; s < kSegmentsCount; ++s) {
      while (!tail.full()) {
        random.fill(record);
        tail.append(record, {});
      }
      tail.close(0);
      const TailPart& part = tail.parts().front();
      std::vector<ChunkBytes> chunks;
      for (size_t i = 0; i < part.segment->chunks.size(); ++i) {
        const auto& chunk = part.segment->chunks[i];
        const uint64_t end = i + 1 < part.segment->chunks.size() ? part.segment->chunks[i + 1].offset : part.stream_end;
        const ByteView frames = ByteView(chunk.memory.bytes()).first(end - chunk.offset);
        chunks.push_back({{chunk.first, chunk.offset, static_cast<uint32_t>(frames.size()),
                           load_le<uint32_t>(frames.data() + sizeof(FrameHeader)), i == 0},
                          frames});
        places.push_back(chunks.back().place);
      }
      const auto entry =
          write_segment(files, directory.path(), chunks, part.end, part.chain_after, 0,
                        {part.segment->first_row, layout->segments.empty() ? 0 : layout->segments.back()->index.end(),
                         kRowBytesDefault});
      layout->segments.push_back(*open_segment(files, directory.path(), *entry));
      tail.drop_front();
    }
    bytes = tail.stream_end();
    layout->version = 1;
    layout->tail.push_back(tail.parts().front().segment);
    shared->chunk_bytes = kChunkBytes;
    shared->row_bytes = kRowBytesDefault;
    shared->publish(std::shared_ptr<const Layout>(std::move(layout)));
    shared->publish(Shared::Committed{tail.next(), tail.stream_end()});
  }

  bench::Directory directory;
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::vector<ChunkPlace> places;
  uint64_t bytes = 0;
};

Made& made() {
  static Made one;
  return one;
}

// One of those who walk over the log, round and round.
struct Walker {
  Reader* reader;
  uint64_t at;
  uint64_t end;
  uint64_t left;  // to take
  Fetch fetch;

  void walk() {
    while (left > 0) {
      const Result<View> view = reader->view(at, kChunkBytes);
      if (!view) {
        CHECK(view.error().code == Errc::busy);
        reader->fetch(
            fetch, at, [](void* self, Fetch&) { static_cast<Walker*>(self)->walk(); }, this);
        return;
      }
      const uint64_t size = view->bytes().size();
      left -= std::min(size, left);
      at = at + size == end ? 0 : at + size;
    }
  }
};

void run(io::Io& io, std::vector<Walker>& walkers) {
  for (Walker& walker : walkers) walker.walk();
  while (std::any_of(walkers.begin(), walkers.end(), [](const Walker& w) { return w.left > 0; })) io.turn(true);
}

void settle(io::Io& io, Reader& reader) {
  while (!reader.idle()) io.turn(true);
}

void BM_log_reader_hit(benchmark::State& state) {
  Made& m = made();
  const auto io = std::move(*io::make_io({}));
  auto reader = Reader::make(*io, io::system_files(), m.shared, {.cache_bytes = 2 * m.bytes, .read_ahead_chunks = 2});
  std::vector<Walker> walkers(1);
  walkers[0].reader = reader.get();
  walkers[0].at = 0;
  walkers[0].end = walkers[0].left = m.bytes;
  run(*io, walkers);
  settle(*io, *reader);
  size_t next = 0;
  for (auto _ : state) {
    const Result<View> view = reader->view(m.places[next].offset, kChunkBytes);
    benchmark::DoNotOptimize(view->bytes().data());
    next = next + 1 == m.places.size() ? 0 : next + 1;
  }
  CHECK(reader->statistics().hits >= static_cast<uint64_t>(state.iterations()));
  state.SetItemsProcessed(state.iterations());
  settle(*io, *reader);
}
BENCHMARK(BM_log_reader_hit);

void BM_log_reader_fill(benchmark::State& state) {
  Made& m = made();
  const auto readers_count = static_cast<size_t>(state.range(0));
  const auto io = std::move(*io::make_io({}));
  auto reader = Reader::make(*io, io::system_files(), m.shared,
                             {.cache_bytes = m.bytes / 4, .read_ahead_chunks = static_cast<uint32_t>(state.range(1))});
  uint64_t served = 0;
  std::vector<uint64_t> at;
  for (size_t i = 0; i < readers_count; ++i) at.push_back(m.places[i * m.places.size() / readers_count].offset);
  for (auto _ : state) {
    std::vector<Walker> walkers(readers_count);
    for (size_t i = 0; i < readers_count; ++i) {
      walkers[i].reader = reader.get();
      walkers[i].at = at[i];
      walkers[i].end = m.bytes;
      walkers[i].left = m.bytes / 8;
      served += walkers[i].left;
    }
    run(*io, walkers);
    for (size_t i = 0; i < readers_count; ++i) at[i] = walkers[i].at;
  }
  settle(*io, *reader);
  const Reader::Statistics s = reader->statistics();
  CHECK(s.corrupt_chunks == 0);
  state.SetBytesProcessed(static_cast<int64_t>(served));
  state.counters["read"] =
      benchmark::Counter(static_cast<double>(s.bytes_read), benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
  state.counters["read_per_served"] = static_cast<double>(s.bytes_read) / static_cast<double>(served);
}
BENCHMARK(BM_log_reader_fill)
    ->ArgNames({"readers", "ahead"})
    ->Args({1, 0})
    ->Args({1, 2})
    ->Args({1, 4})
    ->Args({16, 0})
    ->Args({16, 1})
    ->Args({16, 2})
    ->Args({16, 4})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// The same file bytes with so many reads of a chunk in flight, and nothing else.
void BM_log_direct_read(benchmark::State& state) {
  Made& m = made();
  const auto io = std::move(*io::make_io({}));
  struct Depth {
    io::Io* io;
    const Made* m;
    const Layout* layout;
    AlignedMemory memory{kChunkBytes};
    io::Read read;
    uint64_t* next;
    uint64_t* left;
    void start() {
      if (*left == 0) return;
      --*left;
      const ChunkPlace& place = m->places[(*next)++ % m->places.size()];
      size_t s = layout->segments.size() - 1;
      while (layout->segments[s]->stream_offset > place.offset) --s;
      const Segment& segment = *layout->segments[s];
      io->read(read, segment.file.get(), memory.bytes().first(place.bytes), place.offset - segment.stream_offset,
               io::then<&Depth::done>(this));
    }
    void done(io::Read& operation) {
      CHECK(operation.size());
      start();
    }
  };
  const std::shared_ptr<const Layout> layout = m.shared->layout();
  uint64_t next = 0, left = 0;
  std::vector<Depth> depths(static_cast<size_t>(state.range(0)));
  for (Depth& depth : depths) {
    depth.io = io.get();
    depth.m = &m;
    depth.layout = layout.get();
    depth.next = &next;
    depth.left = &left;
  }
  for (auto _ : state) {
    left = m.places.size();
    for (Depth& depth : depths) depth.start();
    while (std::any_of(depths.begin(), depths.end(), [](const Depth& d) { return d.read.in_flight(); })) io->turn(true);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(m.bytes));
}
BENCHMARK(BM_log_direct_read)->Arg(1)->Arg(3)->Arg(16)->Arg(48)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_log_chunk_crc(benchmark::State& state) {
  const AlignedMemory memory(256 << 20);
  std::memset(memory.data(), 1, memory.size());
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(crc32c(0, memory.bytes().subspan(at, kChunkBytes)));
    at = (at + kChunkBytes) % memory.size();
  }
  state.SetBytesProcessed(state.iterations() * kChunkBytes);
}
BENCHMARK(BM_log_chunk_crc);

}  // namespace
}  // namespace cwtch::log
