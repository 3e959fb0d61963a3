// A log made by hand, as the writer would publish it, over files in memory: what a test of the reader stands on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/log/tail.hpp"
#include "tests/unit/log_reader_world.hpp"

namespace cwtch::log {

class LogReaderTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kChunkBytes = 16384;

  explicit LogReaderTest(uint32_t chunk_bytes = kChunkBytes)
      : io(files), tail_({chunk_bytes, UINT32_MAX >> 12, kRowBytesDefault}, {0}, 0, 0, 0), chunk_bytes_(chunk_bytes) {
    shared->chunk_bytes = chunk_bytes;
    shared->row_bytes = kRowBytesDefault;
    publish_layout();
    commit();
  }
  void TearDown() override {
    if (reader == nullptr) return;
    io.hold = false;
    io.run();
    reader.reset();
  }

  // ---- the writer's side ----

  void append(size_t records_count) {
    for (size_t i = 0; i < records_count; ++i) {
      Bytes record(kRecordBytesMin + random.below(3000));
      random.fill(record);
      tail_.append(record, {});
    }
  }
  void commit() { shared->publish(Shared::Committed{tail_.next(), tail_.stream_end()}); }
  void close_part() {
    tail_.close(0);
    publish_layout();
  }
  // The oldest closed part becomes a file.
  void seal() {
    const TailPart& part = tail_.parts().front();
    ASSERT_TRUE(part.closed);
    std::vector<ChunkBytes> chunks;
    for (size_t i = 0; i < part.segment->chunks.size(); ++i) {
      const auto& chunk = part.segment->chunks[i];
      const uint64_t end = i + 1 < part.segment->chunks.size() ? part.segment->chunks[i + 1].offset : part.stream_end;
      const ByteView bytes = ByteView(chunk.memory.bytes()).first(end - chunk.offset);
      chunks.push_back({{chunk.first, chunk.offset, static_cast<uint32_t>(bytes.size()),
                         load_le<uint32_t>(bytes.data() + sizeof(FrameHeader)), i == 0},
                        bytes});
      stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    const uint64_t index_offset = segments.empty() ? 0 : segments.back()->index.end();
    const auto entry = write_segment(files, "log", chunks, part.end, part.chain_after, 0,
                                     {part.segment->first_row, index_offset, kRowBytesDefault});
    ASSERT_TRUE(entry) << entry.error().message();
    segments.push_back(reopen(*entry));
    tail_.drop_front();
    publish_layout();
  }
  void add_segment(size_t records_count) {
    append(records_count);
    close_part();
    commit();
    seal();
  }
  void merge(size_t first, size_t count) {
    const std::vector<std::shared_ptr<const Segment>> parts(segments.begin() + first, segments.begin() + first + count);
    size_t damaged = 0;
    const auto entry = merge_segments(files, "log", parts, 0, kRowBytesDefault, &damaged);
    ASSERT_TRUE(entry) << entry.error().message();
    segments[first] = reopen(*entry);
    segments.erase(segments.begin() + first + 1, segments.begin() + first + count);
    publish_layout();
    for (const auto& part : parts) {
      ASSERT_TRUE(files.unlink(part->path));
      ASSERT_TRUE(files.unlink(part->index_path));
    }
  }
  void retire(size_t count) {
    first_retained_ = segments[count - 1]->end;
    segments.erase(segments.begin(), segments.begin() + count);
    publish_layout();
  }
  std::shared_ptr<const Segment> reopen(const SegmentEntry& entry) {
    const auto segment = open_segment(files, "log", entry);
    EXPECT_TRUE(segment) << segment.error().message();
    return *segment;
  }
  // Forgets what is known of the file's end, as after a restart.
  void reopen(size_t index) {
    const Segment& s = *segments[index];
    segments[index] = reopen(SegmentEntry{.first = s.first,
                                          .end = s.end,
                                          .stream_offset = s.stream_offset,
                                          .stream_bytes = s.stream_bytes,
                                          .file_bytes = s.file_bytes,
                                          .chain_before = s.chain_before,
                                          .chain_after = s.chain_after,
                                          .hour_s = 0,
                                          .sha256 = s.sha256,
                                          .index = s.index});
    publish_layout();
  }
  Bytes& file_of(size_t index) { return files.content(segments[index]->path); }
  std::vector<ChunkPlace> table_of(size_t index) { return (*read_end(files, *segments[index]))->table; }

  // ---- the reader's side ----

  void start(size_t slots = 64, uint32_t read_ahead_chunks = 0) {
    reader =
        Reader::make(io, files, shared, {.cache_bytes = slots * chunk_bytes_, .read_ahead_chunks = read_ahead_chunks});
  }
  static void woken(void* self, Fetch&) { ++static_cast<LogReaderTest*>(self)->wakes; }
  // As a connection does it: asks, waits if it must, asks again.
  Result<View> get(uint64_t offset, size_t size_max = SIZE_MAX) {
    Result<View> view = reader->view(offset, size_max);
    for (int i = 0; i < 3 && !view && view.error().code == Errc::busy; ++i) {
      Fetch fetch;
      reader->fetch(fetch, offset, woken, this);
      io.run();
      EXPECT_FALSE(fetch.in_flight);
      view = reader->view(offset, size_max);
    }
    return view;
  }
  Result<View> get_file(const Segment& segment, uint64_t offset, size_t size_max = SIZE_MAX) {
    Result<View> view = reader->view_file(segment, offset, size_max);
    for (int i = 0; i < 3 && !view && view.error().code == Errc::busy; ++i) {
      Fetch fetch;
      reader->fetch_file(fetch, segment, offset, woken, this);
      io.run();
      EXPECT_FALSE(fetch.in_flight);
      view = reader->view_file(segment, offset, size_max);
    }
    return view;
  }
  Bytes read_stream(uint64_t from, uint64_t to, size_t size_max = SIZE_MAX) {
    Bytes bytes;
    while (from < to) {
      const Result<View> view = get(from, std::min<uint64_t>(size_max, to - from));
      if (!view || view->bytes().empty()) {
        ADD_FAILURE() << (view ? "no bytes" : view.error().message()) << " at " << from;
        break;
      }
      bytes.insert(bytes.end(), view->bytes().begin(), view->bytes().end());
      from += view->bytes().size();
    }
    return bytes;
  }
  Bytes read_file(const Segment& segment, uint64_t from, uint64_t to, size_t size_max = SIZE_MAX) {
    Bytes bytes;
    while (from < to) {
      const Result<View> view = get_file(segment, from, std::min<uint64_t>(size_max, to - from));
      if (!view || view->bytes().empty()) {
        ADD_FAILURE() << (view ? "no bytes" : view.error().message()) << " at " << from;
        break;
      }
      bytes.insert(bytes.end(), view->bytes().begin(), view->bytes().end());
      from += view->bytes().size();
    }
    return bytes;
  }
  Bytes expected(uint64_t from, uint64_t to) const {
    return Bytes(stream.begin() + static_cast<ptrdiff_t>(from), stream.begin() + static_cast<ptrdiff_t>(to));
  }
  Result<uint64_t> find(uint64_t position) {
    Fetch fetch;
    reader->find(fetch, {position}, woken, this);
    EXPECT_TRUE(fetch.in_flight) << "called back from inside";
    io.run();
    EXPECT_FALSE(fetch.in_flight);
    if (!fetch.result) return fail(fetch.result.error());
    return fetch.offset;
  }

  test::MemoryFiles files;
  test::ScriptedIo io;
  SeededRandom random{20251126};
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::vector<std::shared_ptr<const Segment>> segments;
  Bytes stream;  // what is sealed
  std::unique_ptr<Reader> reader;
  int wakes = 0;
  Tail tail_;

 private:
  void publish_layout() {
    auto layout = std::make_shared<Layout>();
    layout->version = ++version_;
    layout->first_retained = first_retained_;
    layout->segments = segments;
    for (const TailPart& part : tail_.parts()) layout->tail.push_back(part.segment);
    shared->publish(std::move(layout));
    if (reader != nullptr) reader->refresh();
  }

  const uint32_t chunk_bytes_;
  uint64_t version_ = 0;
  Position first_retained_{0};
};

}  // namespace cwtch::log
