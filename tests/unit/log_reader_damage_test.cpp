// What the reader does when the medium lies or fails: nothing damaged is ever served, everything else is.
#include <atomic>

#include "tests/unit/log_reader_fixture.hpp"

namespace cwtch::log {
namespace {

class LogReaderDamage : public LogReaderTest {
 protected:
  // The chunk at `place` fails with `code`, naming the file and a place in it; all others are served.
  void expect_only_damaged(size_t segment, const ChunkPlace& bad, Errc code) {
    for (size_t i = 0; i < segments.size(); ++i) {
      for (const ChunkPlace& place : table_of(i)) {
        const Result<View> view = get(place.offset);
        if (i != segment || place.offset != bad.offset) {
          ASSERT_TRUE(view) << view.error().message();
          ASSERT_EQ(Bytes(view->bytes().begin(), view->bytes().end()),
                    expected(place.offset, place.offset + place.bytes));
          continue;
        }
        ASSERT_FALSE(view);
        EXPECT_EQ(view.error().code, code);
        EXPECT_EQ(reader->damaged_file(), segments[segment]->path);
        const uint64_t start = place.offset - segments[segment]->stream_offset;
        EXPECT_GE(view.error().offset, start);
        EXPECT_LT(view.error().offset, start + place.bytes);
      }
    }
  }
};

TEST_F(LogReaderDamage, AReadErrorDamagesOnlyItsChunk) {
  for (int i = 0; i < 3; ++i) add_segment(60);
  start(64, 2);
  const ChunkPlace bad = table_of(1)[2];
  io.read_result = [&](io::File file, uint64_t offset, size_t size) {
    const uint64_t at = bad.offset - segments[1]->stream_offset;
    const bool hit = file == segments[1]->file.get() && offset >= at && offset < at + bad.bytes;
    return hit ? -EIO : static_cast<int32_t>(size);
  };
  expect_only_damaged(1, bad, Errc::io);
  EXPECT_EQ(reader->statistics().corrupt_chunks, 1u);
}

TEST_F(LogReaderDamage, AFlippedBitDamagesOnlyItsChunk) {
  for (int i = 0; i < 3; ++i) add_segment(60);
  start(64, 2);
  const ChunkPlace bad = table_of(2).back();
  file_of(2)[bad.offset - segments[2]->stream_offset + 1234] ^= 0x10;
  expect_only_damaged(2, bad, Errc::corrupt);
}

// Chunks that are whole but in the wrong place: another of the same file, and one of another file.
TEST_F(LogReaderDamage, AMisplacedChunkIsNotServed) {
  add_segment(60);
  add_segment(60);
  const std::vector<ChunkPlace> table = table_of(0);
  Bytes& file = file_of(0);
  std::copy_n(file.begin() + kChunkBytes, kChunkBytes, file.begin() + 2 * kChunkBytes);
  std::copy_n(file_of(1).begin() + 3 * kChunkBytes, kChunkBytes, file.begin() + 3 * kChunkBytes);
  start();
  EXPECT_TRUE(get(table[1].offset));
  EXPECT_EQ(get(table[2].offset).error().code, Errc::corrupt);
  EXPECT_EQ(get(table[3].offset).error().code, Errc::corrupt);
}

TEST_F(LogReaderDamage, ATruncatedFileIsDamagedAtItsEnd) {
  add_segment(60);
  start();
  const std::vector<ChunkPlace> table = table_of(0);
  file_of(0).resize(3 * kChunkBytes + 4096);
  EXPECT_TRUE(get(table[2].offset));
  EXPECT_EQ(get(table[3].offset).error().code, Errc::corrupt);
  EXPECT_EQ(get(table[4].offset).error().code, Errc::corrupt);
}

// The error is remembered for a second: nobody makes a failing medium work. Then it is read again, and a fault that
// passed is over.
TEST_F(LogReaderDamage, DamageIsRememberedBriefly) {
  add_segment(60);
  start();
  bool failing = true;
  io.read_result = [&](io::File, uint64_t, size_t size) { return failing ? -EIO : static_cast<int32_t>(size); };
  EXPECT_EQ(get(0).error().code, Errc::io);
  const uint64_t reads = io.reads;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(get(5).error().code, Errc::io);
    EXPECT_EQ(find(0).error().code, Errc::io);
  }
  EXPECT_EQ(io.reads, reads);
  io.pass(2 * kSecond);
  EXPECT_EQ(get(0).error().code, Errc::io);
  EXPECT_EQ(io.reads, reads + 1);
  failing = false;
  io.pass(2 * kSecond);
  EXPECT_TRUE(get(0));
}

// A table that cannot be read: chunks in the cache are served, the rest of that segment fails, other segments do not
// notice, and the table is not read without end.
TEST_F(LogReaderDamage, ADamagedTableDamagesItsSegment) {
  for (int i = 0; i < 3; ++i) add_segment(60);
  start(64, 2);
  ASSERT_TRUE(get(segments[1]->stream_offset));
  io.run();
  reopen(1);
  for (const size_t back : {4096 + 10, 10}) {  // table, footer
    SCOPED_TRACE(back);
    Bytes& file = file_of(1);
    file[file.size() - back] ^= 1;
    const uint64_t cached = segments[1]->stream_offset, lacking = segments[1]->stream_offset + 5 * kChunkBytes;
    EXPECT_TRUE(get(cached));
    EXPECT_EQ(get(lacking).error().code, Errc::corrupt);
    EXPECT_EQ(reader->damaged_file(), segments[1]->path);
    EXPECT_EQ(get_file(*segments[1], file.size() - 1).error().code, Errc::corrupt);
    EXPECT_EQ(find(segments[1]->first.value + 59).error().code, Errc::corrupt);
    EXPECT_TRUE(get(segments[2]->stream_offset));
    const uint64_t read = files.bytes_read;
    for (int i = 0; i < 10; ++i) EXPECT_EQ(get(lacking).error().code, Errc::corrupt);
    EXPECT_EQ(files.bytes_read, read);
    io.pass(2 * kSecond);
    EXPECT_EQ(get(lacking).error().code, Errc::corrupt);
    EXPECT_GT(files.bytes_read, read);
    file[file.size() - back] ^= 1;
    io.pass(2 * kSecond);
  }
  EXPECT_TRUE(get(segments[1]->stream_offset + 5 * kChunkBytes));
}

// Partial reads of any length, also such that end inside a block, come to the same bytes.
TEST_F(LogReaderDamage, PartialReadsAreContinued) {
  add_segment(100);
  start(8, 2);
  io.read_result = [this](io::File, uint64_t, size_t size) {
    return static_cast<int32_t>(random.below(3) == 0 ? size : 1 + random.below(size));
  };
  EXPECT_EQ(read_stream(0, stream.size()), stream);
  // One that never gets further is the medium's fault, not an endless loop.
  io.read_result = [](io::File, uint64_t, size_t) { return 100; };
  start(8);
  EXPECT_EQ(get(0).error().code, Errc::io);
}

// Of an 8 MiB segment each single byte is changed, one after the other: all are detected, none is served. Under the
// sanitizers and without optimisation, which take ten times as long, every eighth.
TEST_F(LogReaderDamage, EveryFlippedByteOfASegmentIsDetected) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
  constexpr size_t kStep = 8;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  constexpr size_t kStep = 8;
#else
  constexpr size_t kStep = 1;
#endif
#else
  constexpr size_t kStep = 1;
#endif
  append(1);
  while (tail_.stream_end() < 8 << 20) append(1);
  close_part();
  commit();
  seal();
  start(8);
  Bytes& file = file_of(0);
  const std::vector<ChunkPlace> table = table_of(0);
  size_t detected = 0, expected_count = 0;
  for (const ChunkPlace& place : table) {
    for (size_t at = place.offset; at < place.offset + place.bytes; at += kStep) {
      const auto change = static_cast<uint8_t>(1 + at % 255);
      file[at] ^= change;
      Fetch fetch;
      reader->fetch(fetch, place.offset, woken, this);
      io.run();
      const Result<View> view = reader->view(place.offset, 1);
      detected += !view && view.error().code == Errc::corrupt;
      ++expected_count;
      file[at] ^= change;
      io.pass(2 * kSecond);
    }
  }
  EXPECT_EQ(detected, expected_count);
  EXPECT_GE(expected_count * kStep, 8u << 20);
  EXPECT_EQ(reader->statistics().corrupt_chunks, expected_count);

  // Table and footer.
  for (size_t at = segments[0]->stream_bytes; at < file.size(); ++at) {
    reopen(0);
    file[at] ^= static_cast<uint8_t>(1 + at % 255);
    ASSERT_EQ(get(0).error().code, Errc::corrupt) << at;
    file[at] ^= static_cast<uint8_t>(1 + at % 255);
  }
  reopen(0);
  io.pass(2 * kSecond);
  EXPECT_EQ(read_stream(0, stream.size()), stream) << "whole again";
}

}  // namespace
}  // namespace cwtch::log
