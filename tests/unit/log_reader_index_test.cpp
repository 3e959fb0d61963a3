// The index stream as a shard serves it: for whatever has been sealed, merged, retired or damaged, exactly the blocks
// of the records that are committed.
#include <gmock/gmock.h>

#include "engine/log/index_reader.hpp"
#include "tests/unit/log_reader_fixture.hpp"

namespace cwtch::log {
namespace {

class LogReaderIndex : public LogReaderTest {
 protected:
  // Tagged and untagged ones, of one and of two rows.
  void append_mixed(size_t records_count, size_t bytes_min = kRecordBytesMin) {
    for (size_t i = 0; i < records_count; ++i) {
      Bytes record(bytes_min + random.below(3) * 1500);
      random.fill(record);
      if (random.below(2) == 0) std::fill_n(record.begin() + kSignatureBytes, kEntryBytes, uint8_t{0});
      tail_.append(record, {});
      records_.push_back(std::move(record));
    }
  }
  void end_range() {
    close_part();
    borders_.push_back(tail_.next().value);
  }
  void add_range(size_t records_count, size_t bytes_min = kRecordBytesMin) {
    append_mixed(records_count, bytes_min);
    end_range();
    commit();
    seal();
  }
  Bytes block(uint64_t first, uint64_t end) {
    uint64_t row = 0;
    for (uint64_t i = 0; i < first; ++i) row += rows_of(records_[i].size(), kRowBytesDefault);
    IndexBlockBuilder builder({first}, row, kRowBytesDefault);
    for (uint64_t i = first; i < end; ++i) builder.add(records_[i]);
    return builder.bytes();
  }
  // What GET /v1/index has to give: one block per range, the last one up to the end.
  Bytes expected_index(uint64_t from) {
    const uint64_t end = shared->committed().end.value;
    if (from == end) return block(end, end);
    Bytes bytes;
    for (uint64_t first = from; first < end;) {
      const auto after = std::upper_bound(borders_.begin(), borders_.end(), first);
      const uint64_t range_end = std::min(end, after == borders_.end() ? end : *after);
      const Bytes one = block(first, range_end);
      bytes.insert(bytes.end(), one.begin(), one.end());
      first = range_end;
    }
    return bytes;
  }
  Result<Reader::IndexRange> range_of(uint64_t from, Reader::IndexEnd end = Reader::IndexEnd::committed) {
    Result<Reader::IndexRange> range = reader->index({from}, end);
    if (range || range.error().code != Errc::busy) return range;
    Fetch fetch;
    reader->find_index(fetch, {from}, woken, this);
    io.run();
    EXPECT_FALSE(fetch.in_flight);
    return reader->index({from}, end);
  }
  Result<View> get_index(uint64_t offset, uint64_t size_max) {
    Result<View> view = reader->view_index(offset, size_max);
    for (int i = 0; i < 3 && !view && view.error().code == Errc::busy; ++i) {
      Fetch fetch;
      reader->fetch_index(fetch, offset, woken, this);
      io.run();
      EXPECT_FALSE(fetch.in_flight);
      view = reader->view_index(offset, size_max);
    }
    return view;
  }
  Result<Bytes> read_range(const Reader::IndexRange& range, size_t size_max = SIZE_MAX) {
    Bytes bytes;
    for (uint64_t at = range.offset; at < range.sealed_end;) {
      const Result<View> view = get_index(at, std::min<uint64_t>(size_max, range.sealed_end - at));
      if (!view) return fail(view.error());
      EXPECT_FALSE(view->bytes().empty());
      bytes.insert(bytes.end(), view->bytes().begin(), view->bytes().end());
      at += view->bytes().size();
    }
    bytes.insert(bytes.end(), range.tail->begin(), range.tail->end());
    EXPECT_EQ(bytes.size(), range.bytes());
    return bytes;
  }
  Result<Bytes> read_index_from(uint64_t from, size_t size_max = SIZE_MAX) {
    const Result<Reader::IndexRange> range = range_of(from);
    if (!range) return fail(range.error());
    EXPECT_EQ(range->end, shared->committed().end);
    return read_range(*range, size_max);
  }
  // What is sealed: the beginning of what the whole answer has. From where the tail begins: nothing.
  void check_sealed(uint64_t from) {
    const uint64_t tail_first = shared->layout()->tail.front()->first.value;
    const Result<Reader::IndexRange> range = range_of(from, Reader::IndexEnd::sealed);
    ASSERT_EQ(range.has_value(), from <= tail_first) << from;
    if (!range) return;
    EXPECT_EQ(range->end.value, tail_first);
    Bytes expected = expected_index(from);
    if (from < tail_first && tail_first < shared->committed().end.value)
      expected.resize(expected.size() - expected_index(tail_first).size());
    EXPECT_EQ(*read_range(*range), from < tail_first ? expected : block(from, from)) << from;
  }
  // From every border, and from nowhere else.
  void check_everywhere() {
    const uint64_t end = shared->committed().end.value, retained = shared->layout()->first_retained.value;
    for (uint64_t from = 0; from <= end + 1; ++from) {
      const Result<Bytes> got = read_index_from(from);
      const bool border = from == end || std::binary_search(borders_.begin(), borders_.end(), from);
      if (from < retained) {
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, Errc::gone);
      } else if (border && from <= end) {
        ASSERT_TRUE(got) << from << ": " << got.error().message();
        EXPECT_EQ(*got, expected_index(from)) << from;
        check_sealed(from);
      } else {
        ASSERT_FALSE(got) << from;
        EXPECT_EQ(got.error().code, Errc::not_found);
      }
    }
  }
  Bytes& index_file(size_t index) { return files.content(segments[index]->index_path); }
  void start_with_index_cache(size_t bytes) {
    reader =
        Reader::make(io, files, shared, {.cache_bytes = 1 << 20, .read_ahead_chunks = 0, .index_cache_bytes = bytes});
  }

  std::vector<Bytes> records_;
  std::vector<uint64_t> borders_ = {0};
};

TEST_F(LogReaderIndex, AnEmptyLogHasAnEmptyBlock) {
  start();
  const auto bytes = read_index_from(0);
  ASSERT_TRUE(bytes);
  const auto block = IndexBlock::parse(*bytes);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->header().records, 0u);
}

TEST_F(LogReaderIndex, EveryBorderGivesTheBlocksBehindIt) {
  for (const size_t records : {7, 1, 12, 9, 30}) add_range(records);
  append_mixed(5);
  commit();
  append_mixed(3);  // not durable yet
  start();
  check_everywhere();
  merge(0, 3);  // blocks stay as they were sealed, and borders may still be named
  check_everywhere();
  const Bytes merged = index_file(0), expected = expected_index(0);
  ASSERT_EQ(segments[0]->end.value, borders_[3]);
  EXPECT_TRUE(std::equal(merged.begin(), merged.end(), expected.begin()));
  EXPECT_EQ(merged.size(), expected.size() - expected_index(borders_[3]).size());
  merge(0, 2);
  retire(1);
  check_everywhere();
  EXPECT_EQ(reader->statistics().index_mends, 0u);
}

TEST_F(LogReaderIndex, TheTailGrowsRecordByRecord) {
  start();
  for (int i = 0; i < 60; ++i) {
    append_mixed(1 + random.below(4));
    if (i % 2 == 0) commit();
    if (i % 13 == 12) end_range();  // closed, and part of it perhaps not durable
    reader->refresh();
    check_everywhere();
    if (i % 26 == 25) {
      commit();
      seal();
      reader->refresh();
    }
  }
}

// Every shard has a view of its own: what was adopted before stays valid while newer records are durable.
TEST_F(LogReaderIndex, AnAnswerThatHasBegunIsFinishedAsItWas) {
  add_range(20);
  append_mixed(9);
  commit();
  start();
  const auto range = range_of(0);
  ASSERT_TRUE(range);
  const Bytes expected = expected_index(0);
  append_mixed(4);
  end_range();
  commit();
  seal();
  merge(0, 2);
  const auto bytes = read_range(*range, 100);
  ASSERT_TRUE(bytes);
  EXPECT_EQ(*bytes, expected);
}

TEST_F(LogReaderIndex, RetentionCutsAnAnswer) {
  add_range(20);
  add_range(20);
  start();
  const auto range = range_of(0);
  ASSERT_TRUE(range);
  retire(1);
  const auto bytes = read_range(*range);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Errc::gone);
}

TEST_F(LogReaderIndex, AFileThatIsMissingOrDamagedIsMadeAnew) {
  for (const size_t records : {9, 16, 5}) add_range(records);
  merge(0, 2);
  start();
  const Bytes whole = index_file(0), expected = expected_index(0);
  const std::string path = segments[0]->index_path;
  uint64_t mends = 0;
  const auto check = [&](const char* what) {
    reopen(0);  // nothing is known of it, as after a restart
    start();    // and nothing is kept
    const auto bytes = read_index_from(0);
    ASSERT_TRUE(bytes) << what << ": " << bytes.error().message();
    EXPECT_EQ(*bytes, expected) << what;
    EXPECT_EQ(files.content(path), whole) << what;
    EXPECT_EQ(reader->statistics().index_mends, mends) << what;
  };
  check("sound");
  mends = 1;
  ASSERT_TRUE(files.unlink(path));
  check("missing");
  index_file(0).pop_back();
  check("short");
  index_file(0).clear();
  check("empty");
  index_file(0).push_back(0);
  check("long");
  std::fill(index_file(0).begin(), index_file(0).end(), uint8_t{0});
  check("zeros");
  const Bytes first = block(0, 9);  // sound blocks, of other places
  std::copy_n(first.begin(), first.size(), index_file(0).begin() + static_cast<ptrdiff_t>(first.size()));
  check("a block twice");
  for (size_t at = 0; at < whole.size(); at += 7) {
    index_file(0)[at] ^= 0x20;
    check("a changed byte");
  }
}

// The medium changes what was checked before: the next piece that is read shows it, and nobody notices.
TEST_F(LogReaderIndex, DamageWhileItIsServedIsMended) {
  add_range(40);
  start();
  const Bytes expected = expected_index(0);
  ASSERT_EQ(*read_index_from(0), expected);
  index_file(0)[100] ^= 1;
  EXPECT_EQ(*read_index_from(0), expected);  // kept
  start();
  EXPECT_EQ(*read_index_from(0), expected);
  EXPECT_EQ(reader->statistics().index_mends, 1u);
  EXPECT_EQ(index_file(0), expected);
}

TEST_F(LogReaderIndex, WhatCannotBeMendedIsRefusedAndAskedForAgainLater) {
  add_range(10);
  add_range(10);
  start();
  const Bytes expected = expected_index(0);
  index_file(0)[60] ^= 1;
  file_of(0)[100] ^= 1;
  reopen(0);
  for (int i = 0; i < 3; ++i) {
    const auto bytes = read_index_from(0);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, Errc::corrupt);
    EXPECT_EQ(reader->damaged_file(), segments[0]->index_path);
  }
  EXPECT_EQ(*read_index_from(10), expected_index(10));
  file_of(0)[100] ^= 1;
  io.pass(2 * kSecond);
  EXPECT_EQ(*read_index_from(0), expected);

  index_file(1)[60] ^= 1;
  reopen(1);
  start();  // with nothing in its cache
  files.writes_left = 0;
  const auto full = read_index_from(10);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::no_space);
  files.writes_left = UINT64_MAX;
  io.pass(2 * kSecond);
  EXPECT_EQ(*read_index_from(10), expected_index(10));
}

TEST_F(LogReaderIndex, LargeFilesComeInPieces) {
  for (int i = 0; i < 6; ++i) add_range(5000, 120);
  merge(0, 6);
  append_mixed(10);
  commit();
  const Bytes expected = expected_index(0);
  ASSERT_GT(expected.size(), 2 * kIndexPieceBytes);
  for (const size_t cache_bytes : {size_t{0}, size_t{300000}, size_t{8} << 20}) {
    start_with_index_cache(cache_bytes);
    EXPECT_EQ(*read_index_from(0), expected);
    EXPECT_EQ(*read_index_from(0, 70000), expected);
    EXPECT_EQ(*read_index_from(borders_[3], 12345), expected_index(borders_[3]));
  }
  // A range of its own, longer than a piece.
  add_range(20000, 120);
  start_with_index_cache(0);
  EXPECT_EQ(*read_index_from(0), expected_index(0));
}

TEST_F(LogReaderIndex, ASegmentsFileIsServedWhole) {
  add_range(30);
  add_range(20);
  const auto first = segments[0];
  merge(0, 2);
  start();
  const auto read = [&](const Segment& segment) {
    Bytes bytes;
    while (bytes.size() < segment.index.bytes) {
      Result<View> view = reader->view_index_file(segment, bytes.size(), 77);
      for (int i = 0; i < 3 && !view && view.error().code == Errc::busy; ++i) {
        Fetch fetch;
        reader->fetch_index_file(fetch, segment, bytes.size(), woken, this);
        io.run();
        view = reader->view_index_file(segment, bytes.size(), 77);
      }
      if (!view) return Bytes();
      bytes.insert(bytes.end(), view->bytes().begin(), view->bytes().end());
    }
    return bytes;
  };
  EXPECT_EQ(read(*segments[0]), expected_index(0));
  Sha256 hash;
  hash.add(expected_index(0));
  EXPECT_EQ(hash.finish(), segments[0]->index.sha256);
  EXPECT_EQ(read(*first), block(0, 30));  // merged away while somebody reads it
}

TEST_F(LogReaderIndex, ManyWhoWaitAllGetTheirs) {
  constexpr size_t kSegments = 30;
  for (size_t i = 0; i < kSegments; ++i) add_range(4);
  start();
  std::vector<Fetch> fetches(3 * kSegments);
  for (size_t i = 0; i < fetches.size(); ++i)
    reader->fetch_index(fetches[i], segments[i % kSegments]->index.offset, woken, this);
  reader->cancel(fetches[5]);
  reader->cancel(fetches[kSegments - 1]);
  io.run();
  EXPECT_EQ(static_cast<size_t>(wakes), fetches.size() - 2);
  for (const Fetch& fetch : fetches) EXPECT_FALSE(fetch.in_flight);
  EXPECT_EQ(*read_index_from(0), expected_index(0));
}

// Each answer that is being sent keeps the tail as it was: together they have a bound.
TEST_F(LogReaderIndex, AnswersUnderWayHaveABound) {
  append_mixed(30000, 120);
  commit();
  start();
  std::vector<Reader::IndexRange> held;
  size_t bytes = 0;
  while (true) {
    const auto range = reader->index({0}, Reader::IndexEnd::committed);
    if (!range) {
      EXPECT_EQ(range.error().code, Errc::no_space);
      break;
    }
    held.push_back(*range);
    bytes += range->tail->size();
    ASSERT_LE(bytes, 64u << 20);
    append_mixed(1);
    commit();
    reader->refresh();
  }
  EXPECT_GT(bytes, 60u << 20);
  held.clear();
  EXPECT_TRUE(reader->index({0}, Reader::IndexEnd::committed));
}

}  // namespace
}  // namespace cwtch::log
