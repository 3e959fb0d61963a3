// One writer, several readers, each on a thread of its own, as the shards are: what the writer publishes is whole when
// a reader sees it. Worth running under TSan.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/core/random.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"
#include "engine/log/reader.hpp"
#include "engine/log/tail.hpp"
#include "tests/unit/log_reader_world.hpp"

namespace cwtch::log {
namespace {

constexpr uint32_t kChunkBytes = 16384;
constexpr uint64_t kRecords = 4000;
constexpr uint64_t kRecordsPerPart = 100;

struct Published {
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  Tail tail{{kChunkBytes, kRecordsPerPart, kRowBytesDefault}, {0}, 0, 0, 0};
  uint64_t version = 0;

  Published() {
    shared->chunk_bytes = kChunkBytes;
    shared->row_bytes = kRowBytesDefault;
    layout();
    commit();
  }
  void layout() {
    auto layout = std::make_shared<Layout>();
    layout->version = ++version;
    for (const TailPart& part : tail.parts()) layout->tail.push_back(part.segment);
    shared->publish(std::move(layout));
  }
  void commit() { shared->publish(Shared::Committed{tail.next(), tail.stream_end()}); }
};

// Follows the tail to its end and checks every frame, chunk by chunk, from the chain of the first.
void follow(const std::shared_ptr<Shared>& shared) {
  test::MemoryFiles files;
  test::ScriptedIo io(files);
  const auto reader = Reader::make(io, files, shared, {.cache_bytes = 0, .read_ahead_chunks = 0});
  Bytes seen;
  uint64_t offset = 0;
  while (reader->committed().end.value < kRecords || offset < reader->committed().offset) {
    reader->refresh();
    const Result<View> view = reader->view(offset, 5000);
    ASSERT_TRUE(view);
    seen.insert(seen.end(), view->bytes().begin(), view->bytes().end());
    offset += view->bytes().size();
  }
  FrameWalker walker(seen, {0}, 0);
  uint64_t records = 0;
  while (true) {
    const Result<std::optional<Frame>> frame = walker.next();
    ASSERT_TRUE(frame) << frame.error().message();
    if (!*frame) break;
    records += (*frame)->kind == FrameKind::record;
  }
  EXPECT_EQ(records, kRecords);
  EXPECT_TRUE(walker.rest().empty());
}

TEST(LogReaderThreads, WhatIsPublishedIsWhole) {
  Published log;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([shared = log.shared] { follow(shared); });
  SeededRandom random(20251126);
  Bytes record(kRecordBytesMin + 500);
  for (uint64_t i = 0; i < kRecords; ++i) {
    if (log.tail.full()) {
      log.tail.close(0);
      log.layout();
    }
    random.fill(record);
    log.tail.append(record, {});
    if (random.below(4) == 0 || i + 1 == kRecords) log.commit();
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace cwtch::log
