// The reader over a log made by hand: which bytes it serves, and when; merging, retention, waiting, pinning.
#include "engine/log/reader.hpp"
#include "tests/unit/log_reader_fixture.hpp"

namespace cwtch::log {
namespace {

// Whatever the place and the size asked for, the bytes are those that were appended, sealed or not.
TEST_F(LogReaderTest, EveryByteIsServedAsItWasWritten) {
  for (size_t i = 0; i < 5; ++i) add_segment(20 + 10 * i);
  start();
  ASSERT_EQ(read_stream(0, stream.size()), stream);
  for (int i = 0; i < 500; ++i) {
    const uint64_t from = random.below(stream.size());
    const uint64_t to = from + 1 + random.below(stream.size() - from);
    ASSERT_EQ(read_stream(from, to, 1 + random.below(2 * kChunkBytes)), expected(from, to)) << from << " " << to;
  }
  EXPECT_EQ(reader->pinned(), 0u);
}

// A view ends with its chunk, so that no frame lies in two, and shows no more than was asked for.
TEST_F(LogReaderTest, AViewEndsWithItsChunk) {
  add_segment(40);
  start();
  for (const ChunkPlace& place : table_of(0)) {
    EXPECT_EQ(get(place.offset)->bytes().size(), place.bytes);
    EXPECT_EQ(get(place.offset + 100)->bytes().size(), place.bytes - 100);
    EXPECT_EQ(get(place.offset + 100, 7)->bytes().size(), 7u);
  }
}

// The tail is served from memory, without any read, up to what is committed and not a byte further.
TEST_F(LogReaderTest, TheTailIsServedUpToTheCommittedOffset) {
  add_segment(10);
  start();
  append(30);
  reader->refresh();
  EXPECT_TRUE(reader->view(stream.size(), SIZE_MAX)->bytes().empty()) << "not committed";
  commit();
  EXPECT_TRUE(reader->view(stream.size(), SIZE_MAX)->bytes().empty()) << "not adopted";
  reader->refresh();
  const uint64_t committed = tail_.stream_end();
  append(30);  // goes on behind
  Bytes seen;
  for (uint64_t at = stream.size(); at < committed;) {
    const Result<View> view = reader->view(at, 1000);
    ASSERT_TRUE(view && !view->bytes().empty());
    seen.insert(seen.end(), view->bytes().begin(), view->bytes().end());
    at += view->bytes().size();
  }
  EXPECT_TRUE(reader->view(committed, SIZE_MAX)->bytes().empty());
  EXPECT_EQ(io.reads, 0u);
  const uint64_t from = stream.size();
  close_part();
  commit();
  seal();
  EXPECT_EQ(seen, expected(from, committed));
}

// The part that is closed goes over into the next one without a gap, wherever the committed offset stands: also before
// the filler between them.
TEST_F(LogReaderTest, TheCommittedOffsetHoldsInClosedAndSealedParts) {
  append(9);
  commit();
  start();
  const uint64_t committed = tail_.stream_end();
  close_part();  // its filler is not committed
  append(5);
  reader->refresh();
  EXPECT_EQ(read_stream(0, committed).size(), committed);
  EXPECT_TRUE(reader->view(committed, SIZE_MAX)->bytes().empty());
  seal();
  ASSERT_GT(stream.size(), committed) << "the test needs a filler";
  EXPECT_EQ(read_stream(0, committed), expected(0, committed));
  EXPECT_TRUE(reader->view(committed, SIZE_MAX)->bytes().empty());
  EXPECT_EQ(*reader->boundary({9}), committed);
  commit();
  reader->refresh();
  EXPECT_EQ(read_stream(0, stream.size()), stream);
  EXPECT_EQ(*reader->boundary({9}), stream.size());
}

TEST_F(LogReaderTest, OnlyBoundariesHaveAName) {
  add_segment(10);
  add_segment(10);
  append(5);
  close_part();
  append(5);
  commit();
  append(5);
  start();
  EXPECT_EQ(*reader->boundary({0}), 0u);
  EXPECT_EQ(*reader->boundary({10}), segments[1]->stream_offset);
  EXPECT_EQ(*reader->boundary({20}), stream.size());
  EXPECT_EQ(*reader->boundary({25}), tail_.parts().back().segment->stream_offset);
  EXPECT_EQ(*reader->boundary({30}), reader->committed().offset);
  for (const uint64_t position : {1, 9, 11, 19, 21, 29, 31, 35, 1000}) {
    // Inside a segment only its table can tell: the ranges that were merged into it keep their starts.
    if (position < 20) {
      const bool known = position == 9 || position == 19;  // the table was read for the position before
      EXPECT_EQ(reader->boundary({position}).error().code, known ? Errc::not_found : Errc::busy) << position;
      ASSERT_TRUE(find(position));
    }
    EXPECT_EQ(reader->boundary({position}).error().code, Errc::not_found) << position;
  }
  retire(1);
  EXPECT_EQ(reader->boundary({0}).error().code, Errc::gone);
  EXPECT_EQ(reader->boundary({9}).error().code, Errc::gone);
  EXPECT_EQ(*reader->boundary({10}), segments[0]->stream_offset);
}

// After a merge the old starts are still known, though only the new file's table has them, and that chunk's bytes may
// be cached.
TEST_F(LogReaderTest, MergedBoundariesAreReadFromTheTable) {
  for (int i = 0; i < 3; ++i) add_segment(40);
  start();
  const uint64_t expected_offset = segments[1]->stream_offset;
  ASSERT_EQ(read_stream(0, stream.size()), stream);
  merge(0, 3);
  const auto ask = [&](uint64_t position) -> Result<uint64_t> {
    Fetch fetch;
    reader->find_boundary(fetch, {position}, woken, this);
    io.run();
    EXPECT_FALSE(fetch.in_flight);
    if (!fetch.result) return fail(fetch.result.error());
    return fetch.offset;
  };
  EXPECT_EQ(reader->boundary({40}).error().code, Errc::busy);
  Bytes& file = file_of(0);
  file[file.size() - 8] ^= 1;
  EXPECT_EQ(ask(40).error().code, Errc::corrupt);
  EXPECT_EQ(reader->boundary({40}).error().code, Errc::corrupt);
  file[file.size() - 8] ^= 1;
  io.pass(2 * kSecond);
  EXPECT_EQ(*ask(40), expected_offset);
  EXPECT_EQ(*reader->boundary({40}), expected_offset);
  EXPECT_EQ(ask(41).error().code, Errc::not_found);
  EXPECT_EQ(*ask(0), 0u);
}

// Any position is found: its frame starts at the offset that comes back.
TEST_F(LogReaderTest, EveryPositionIsFound) {
  add_segment(50);
  add_segment(50);
  append(20);
  close_part();
  append(20);
  commit();
  append(5);
  start(8);
  for (uint64_t position = 0; position < 140; ++position) {
    const Result<uint64_t> offset = find(position);
    ASSERT_TRUE(offset) << position << ": " << offset.error().message();
    const Result<View> view = get(*offset, sizeof(FrameHeader));
    ASSERT_EQ(view->bytes().size(), sizeof(FrameHeader));
    EXPECT_EQ(view->bytes()[3], static_cast<uint8_t>(FrameKind::record));
    EXPECT_EQ(load_le<uint64_t>(view->bytes().data() + 8), position);
  }
  EXPECT_EQ(find(140).error().code, Errc::not_found);
  retire(1);
  EXPECT_EQ(find(49).error().code, Errc::gone);
  EXPECT_TRUE(find(50));
}

// Merging replaces files under a reader's feet: what is cached is served without a read and without the new table, a
// read on its way comes back, a view stays what it is, and the rest comes from the new file.
TEST_F(LogReaderTest, MergingIsNotNoticed) {
  for (int i = 0; i < 4; ++i) add_segment(40);
  start();
  const uint64_t middle = segments[2]->stream_offset + kChunkBytes + 5;
  ASSERT_EQ(read_stream(0, middle), expected(0, middle));
  const Result<View> pinned = get(0);
  const Bytes before(pinned->bytes().begin(), pinned->bytes().end());
  Fetch fetch;
  reader->fetch(fetch, segments[2]->stream_offset + 2 * kChunkBytes, woken, this);
  ASSERT_EQ(io.pending(), 1u);

  merge(0, 4);
  ASSERT_EQ(segments.size(), 1u);
  io.run();
  EXPECT_FALSE(fetch.in_flight);
  const uint64_t reads = io.reads;
  EXPECT_EQ(read_stream(0, middle), expected(0, middle));
  EXPECT_EQ(io.reads, reads) << "cached chunks are not read again";
  EXPECT_EQ(segments[0]->known_end(), nullptr);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), pinned->bytes().begin(), pinned->bytes().end()));
  EXPECT_EQ(read_stream(middle, stream.size()), expected(middle, stream.size()));
  EXPECT_NE(segments[0]->known_end(), nullptr);
}

// A segment's file is served whole: its chunks, table and footer, any range of it; also to somebody who began before it
// was merged or retired.
TEST_F(LogReaderTest, AFileIsServedWholeEvenWhenItIsReplaced) {
  for (int i = 0; i < 3; ++i) add_segment(40);
  start(8);
  const std::shared_ptr<const Segment> segment = segments[1];
  const Bytes content = file_of(1);
  ASSERT_EQ(content.size(), segment->file_bytes);
  EXPECT_EQ(read_file(*segment, 0, content.size()), content);
  for (int i = 0; i < 100; ++i) {
    const uint64_t from = random.below(content.size());
    const uint64_t to = from + 1 + random.below(content.size() - from);
    ASSERT_EQ(read_file(*segment, from, to, 5000), Bytes(content.begin() + from, content.begin() + to));
  }
  reopen(1);
  const std::shared_ptr<const Segment> unread = segments[1];
  reopen(1);  // the one that is merged
  merge(0, 2);
  EXPECT_EQ(read_file(*segment, 0, content.size()), content);
  retire(1);
  ASSERT_EQ(unread->known_end(), nullptr);
  EXPECT_EQ(read_file(*unread, 5, content.size()), Bytes(content.begin() + 5, content.end()));
  EXPECT_EQ(get(segment->stream_offset).error().code, Errc::gone);
}

// What retention removed is gone, cached or not; a view that was taken before stays.
TEST_F(LogReaderTest, RetiredBytesAreGone) {
  add_segment(20);
  add_segment(20);
  start();
  const Result<View> view = get(0);
  const Bytes before(view->bytes().begin(), view->bytes().end());
  retire(1);
  EXPECT_EQ(reader->first_retained(), Position{20});
  EXPECT_EQ(reader->view(0, 1).error().code, Errc::gone);
  Fetch fetch;
  reader->fetch(fetch, 0, woken, this);
  io.run();
  EXPECT_FALSE(fetch.in_flight);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), view->bytes().begin(), view->bytes().end()));
  EXPECT_TRUE(get(segments[0]->stream_offset));
}

// One read serves all who wait for the chunk, and those who cancelled are not called.
TEST_F(LogReaderTest, AllWaitersOfAChunkAreWoken) {
  add_segment(40);
  start();
  ASSERT_TRUE(get(0));  // the table
  const uint64_t reads = io.reads;
  const int before = wakes;
  std::vector<Fetch> fetches(100);
  for (size_t i = 0; i < fetches.size(); ++i) reader->fetch(fetches[i], kChunkBytes + i, woken, this);
  for (size_t i = 0; i < fetches.size(); i += 4) reader->cancel(fetches[i]);
  reader->cancel(fetches[0]);  // twice is once
  EXPECT_EQ(wakes, before);
  io.run();
  EXPECT_EQ(io.reads, reads + 1);
  EXPECT_EQ(wakes, before + 75);
  for (size_t i = 0; i < fetches.size(); ++i) ASSERT_TRUE(reader->view(kChunkBytes + i, 1));
}

// The medium may bring a hundred chunks at once. They are verified in portions, so that no turn becomes long, and all
// of them are, although nobody does anything but wait.
TEST_F(LogReaderTest, BurstsAreVerifiedInPortions) {
  constexpr size_t kPortion = 512 * 1024 / kChunkBytes;
  add_segment(1100);
  start(128);
  ASSERT_TRUE(get(0));
  std::vector<Fetch> fetches(100);
  ASSERT_GT(table_of(0).size(), fetches.size());
  const int before = wakes;
  for (size_t i = 0; i < fetches.size(); ++i) reader->fetch(fetches[i], table_of(0)[i + 1].offset, woken, this);
  for (size_t turn = 1; turn < fetches.size() / kPortion; ++turn) {
    io.turn(false);
    // Chunks are a little shorter than they may be; the first turn may have more to do than to wait.
    EXPECT_GT(wakes - before, static_cast<int>((turn - 1) * kPortion));
    EXPECT_LE(wakes - before, static_cast<int>(turn * (kPortion + kPortion / 8 + 1)));
    reader->refresh();
  }
  io.run();
  EXPECT_EQ(wakes - before, static_cast<int>(fetches.size()));
}

// A waiter's callback may cancel others that wait for the same chunk, and ask again itself.
TEST_F(LogReaderTest, AWakeMayCancelOthers) {
  add_segment(40);
  start();
  struct Pair {
    Reader* reader;
    Fetch first, second;
    int calls = 0;
  } pair;
  pair.reader = reader.get();
  pair.reader->fetch(
      pair.first, 0,
      [](void* self, Fetch&) {
        auto& p = *static_cast<Pair*>(self);
        ++p.calls;
        p.reader->cancel(p.second);
        p.reader->fetch(
            p.first, kChunkBytes, [](void* s, Fetch&) { ++static_cast<Pair*>(s)->calls; }, self);
      },
      &pair);
  pair.reader->fetch(
      pair.second, 1, [](void*, Fetch&) { FAIL() << "cancelled"; }, &pair);
  io.run();
  EXPECT_EQ(pair.calls, 2);
}

// Pinned chunks stay where they are however many others are read.
TEST_F(LogReaderTest, AViewOutlivesEveryEviction) {
  for (int i = 0; i < 4; ++i) add_segment(200);
  start(8);
  std::vector<View> views;
  std::vector<uint64_t> places;
  for (const ChunkPlace& place : table_of(1)) {
    if (views.size() == 6) break;
    places.push_back(place.offset);
    views.push_back(std::move(*get(place.offset)));
  }
  EXPECT_EQ(reader->pinned(), 6u);
  EXPECT_EQ(read_stream(0, stream.size()), stream);
  for (size_t i = 0; i < views.size(); ++i) {
    const ByteView bytes = views[i].bytes();
    ASSERT_EQ(Bytes(bytes.begin(), bytes.end()), expected(places[i], places[i] + bytes.size()));
  }
  View moved = std::move(views[0]);
  views.clear();
  EXPECT_EQ(reader->pinned(), 1u);
  moved = View();
  EXPECT_EQ(reader->pinned(), 0u);
}

// With every slot pinned the rest is told busy and waits; a slot that is let go serves the first who waited. Nobody is
// called from inside a View's end.
TEST_F(LogReaderTest, PinnedSlotsMakeOthersWait) {
  add_segment(300);
  start(8);
  const std::vector<ChunkPlace> table = table_of(0);
  ASSERT_GT(table.size(), 20u);
  std::vector<View> views;
  for (size_t i = 0; i < 8; ++i) views.push_back(std::move(*get(table[i].offset)));
  std::vector<Fetch> fetches(10);
  const int before = wakes;
  for (size_t i = 0; i < fetches.size(); ++i) {
    EXPECT_EQ(reader->view(table[8 + i].offset, 1).error().code, Errc::busy);
    reader->fetch(fetches[i], table[8 + i].offset, woken, this);
  }
  const auto let_time_pass = [this] {
    for (int i = 0; i < 100; ++i) {
      io.pass(kMillisecond);
      io.turn(false);
    }
  };
  let_time_pass();
  EXPECT_EQ(wakes, before);
  views.pop_back();
  EXPECT_EQ(wakes, before);
  io.run();
  EXPECT_EQ(wakes, before + 10) << "one slot after the other, each let go at once";
  EXPECT_EQ(reader->pinned(), 7u);
}

// Walking forward keeps the next chunks on their way, over the border of segments; a read in the middle of nowhere does
// not.
TEST_F(LogReaderTest, ReadAheadIsAheadOfWhoWalks) {
  for (int i = 0; i < 3; ++i) add_segment(60);
  start(64, 2);
  std::vector<ChunkPlace> places;
  for (size_t i = 0; i < segments.size(); ++i)
    for (const ChunkPlace& place : table_of(i)) places.push_back(place);
  reopen(1);
  reopen(2);
  int waits = 0;
  for (const ChunkPlace& place : places) {
    waits += !reader->view(place.offset, 1);
    ASSERT_TRUE(get(place.offset));
    io.run();
  }
  EXPECT_LE(waits, 1);
  EXPECT_EQ(io.reads, places.size()) << "each chunk once";
  EXPECT_EQ(reader->statistics().misses, 1u);
  EXPECT_EQ(reader->statistics().reads_ahead, places.size() - 1);
}

TEST_F(LogReaderTest, FindingReadsOneChunkOnly) {
  add_segment(100);
  start(64, 4);
  ASSERT_TRUE(find(50));
  EXPECT_EQ(io.reads, 1u);
}

// 16 readers at different places of a log four times the cache, each with read-ahead: none makes another's chunks be
// read twice while it is still reading them.
TEST_F(LogReaderTest, ManyReadersWithReadAheadDoNotThrash) {
  constexpr size_t kReaders = 16, kSlots = 128;
  while (stream.size() < 4 * kSlots * kChunkBytes) add_segment(500);
  start(kSlots, 2);
  std::vector<ChunkPlace> places;
  for (size_t i = 0; i < segments.size(); ++i)
    for (const ChunkPlace& place : table_of(i)) places.push_back(place);
  std::vector<uint64_t> at(kReaders), read(kReaders);
  for (size_t i = 0; i < kReaders; ++i) at[i] = places[i * places.size() / kReaders].offset;
  // Each takes a chunk in pieces, as a socket would; in a different order each round.
  for (size_t step = 0; step < 40 * kReaders; ++step) {
    const size_t who = random.below(kReaders);
    const Result<View> view = get(at[who], kChunkBytes / 3);
    ASSERT_TRUE(view);
    const ByteView bytes = view->bytes();
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), stream.begin() + static_cast<ptrdiff_t>(at[who])));
    read[who] += bytes.size();
    at[who] += bytes.size();
    if (at[who] == stream.size()) at[who] = 0;
  }
  uint64_t total = 0;
  for (const uint64_t bytes : read) total += bytes;
  // What was read ahead and the rest of each reader's chunk: at most three chunks per reader beyond what it took.
  EXPECT_LE(reader->statistics().bytes_read, total + 3 * kReaders * kChunkBytes);
}

// As many readers as there are slots, and twice as many, each taking its chunk in pieces and nothing read ahead for it:
// every chunk is read once. Who finds no slot waits for one; all get on.
TEST_F(LogReaderTest, MoreReadersThanSlotsDoNotThrash) {
  constexpr size_t kSlots = 32;
  while (stream.size() < 8 * kSlots * kChunkBytes) add_segment(500);
  std::vector<ChunkPlace> places;
  for (size_t i = 0; i < segments.size(); ++i)
    for (const ChunkPlace& place : table_of(i)) places.push_back(place);
  for (const size_t readers_count : {kSlots, 2 * kSlots}) {
    start(kSlots, 2);
    struct Walker {
      Reader* reader;
      uint64_t at, left;
      Fetch fetch;
      bool step() {  // false: has to wait
        if (left == 0 || fetch.in_flight) return left == 0;
        const Result<View> view = reader->view(at, std::min<uint64_t>(left, kChunkBytes / 3));
        if (!view) {
          reader->fetch(
              fetch, at, [](void*, Fetch&) {}, nullptr);
          return false;
        }
        at += view->bytes().size();
        left -= view->bytes().size();
        return true;
      }
    };
    std::vector<Walker> walkers(readers_count);
    for (size_t i = 0; i < readers_count; ++i) {
      walkers[i].reader = reader.get();
      walkers[i].at = places[i * places.size() / readers_count].offset;
      walkers[i].left = stream.size() / readers_count / kChunkBytes * kChunkBytes;
    }
    uint64_t total = 0;
    for (const Walker& walker : walkers) total += walker.left;
    for (int rounds = 0; rounds < 100000; ++rounds) {
      for (size_t i = 0; i < readers_count / 4; ++i) walkers[random.below(readers_count)].step();
      io.turn(false);
      io.pass(20000);
      if (std::all_of(walkers.begin(), walkers.end(), [](const Walker& w) { return w.left == 0; })) break;
    }
    for (const Walker& walker : walkers) ASSERT_EQ(walker.left, 0u);
    EXPECT_LE(reader->statistics().bytes_read, total + total / 8 + 2 * readers_count * kChunkBytes) << readers_count;
    io.run();
  }
}

// What many readers come for stays, though another walks over the whole log.
TEST_F(LogReaderTest, OneScanDoesNotEvictWhatManyShare) {
  while (stream.size() < 8 * 64 * kChunkBytes) add_segment(500);
  start(64, 2);
  std::vector<uint64_t> shared_chunks;
  for (const ChunkPlace& place : table_of(segments.size() - 1)) {
    if (shared_chunks.size() < 20) shared_chunks.push_back(place.offset);
  }
  const auto all_come = [&] {
    for (const uint64_t offset : shared_chunks) ASSERT_TRUE(get(offset));
  };
  for (int i = 0; i < 5; ++i) all_come();
  uint64_t scanned = 0;
  for (int i = 0; i < 20; ++i) {
    const uint64_t to = stream.size() / 25 * static_cast<uint64_t>(i + 1);
    ASSERT_EQ(read_stream(scanned, to), expected(scanned, to));
    scanned = to;
    io.run();
    const uint64_t misses = reader->statistics().misses;
    all_come();
    EXPECT_LE(reader->statistics().misses, misses + (i < 2 ? 10 : 0)) << i;
  }
}

}  // namespace
}  // namespace cwtch::log
