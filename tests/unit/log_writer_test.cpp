// The writer over a simulated disk in which everything works: order, durability, sealing, merging, repeats, recovery.
// Power cuts and failing disks are in tests/sim.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "engine/log/frame.hpp"
#include "engine/log/index_file.hpp"
#include "engine/log/log.hpp"
#include "engine/log/maintenance.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::log {
namespace {

Options small() {
  Options options;
  options.chunk_bytes = 16384;
  options.journal_files = 4;
  options.journal_file_bytes = 65536;
  options.group_bytes_max = 32768;
  options.seal_records = 10;
  options.seal_records_hour_min = 4;
  options.merge_factor = 2;
  options.merged_bytes_max = 1 << 20;
  return options;
}

Bytes make_record(uint64_t seed, size_t size = 2800) {
  SeededRandom random(seed);
  Bytes record(size);
  random.fill(record);
  return record;
}

class LogWriter : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(world_->files().make_directory("log"));
    ASSERT_TRUE(Log::create(world_->files(), world_->random(), "log", options_));
    open();
  }
  void TearDown() override { close(); }

  void open() {
    std::string damage;
    Result<std::unique_ptr<Log>> log =
        Log::open(world_->files(), world_->clock(), world_->random(), "log", options_, &damage);
    ASSERT_TRUE(log) << damage << ": " << log.error().message();
    log_ = std::move(*log);
    io_ = world_->make_io();
    log_->start(*io_);
  }
  void close() {
    if (!log_) return;
    log_->drain();
    for (int i = 0; i < 100000 && !log_->idle(); ++i) turn();
    ASSERT_TRUE(log_->idle());
    log_.reset();
    io_.reset();
  }
  // The machine loses power with all that is durable on its disk, and the log starts again.
  void restart_after_a_power_cut() {
    sim::Disk left = world_->disk().power_cut(1);
    world_->switch_off();
    close();
    world_ = std::make_unique<sim::World>(8, std::move(left));
    open();
  }
  void turn() {
    log_->turn_end();
    io_->turn(!log_->idle());
  }
  void run_until_idle() {
    for (int i = 0; i < 100000; ++i) {
      turn();
      if (log_->idle()) return;
    }
    FAIL() << "the log does not come to rest";
  }
  // Posts and waits; when the small ring is full, tries again as a client would.
  Result<Append::Done> post(ByteView record) {
    for (int tries = 0; tries < 1000; ++tries) {
      Append append;
      bool done = false;
      log_->append(
          append, record, [](void* owner, Append&) { *static_cast<bool*>(owner) = true; }, &done);
      for (int i = 0; i < 100000 && !done; ++i) turn();
      EXPECT_TRUE(done);
      if (append.result || append.result.error().code != Errc::busy) return append.result;
      turn();
    }
    return fail(Errc::timeout, "test: the ring stays full");
  }
  // The bytes of the log as files and tail hold them, from the first retained position on.
  Bytes stream() {
    Bytes bytes;
    const auto layout = log_->shared()->layout();
    for (const auto& segment : layout->segments) {
      EXPECT_TRUE(for_each_chunk(world_->files(), *segment, [&](const ChunkPlace&, ByteView chunk) -> Status {
        bytes.insert(bytes.end(), chunk.begin(), chunk.end());
        return {};
      }));
    }
    const uint64_t start =
        layout->segments.empty() ? layout->tail.front()->stream_offset : layout->segments.front()->stream_offset;
    for (const auto& part : layout->tail) {
      for (const auto& chunk : part->chunks) {
        EXPECT_EQ(chunk.offset, start + bytes.size());
        const uint64_t end = std::min(log_->shared()->committed().offset, chunk.offset + options_.chunk_bytes);
        // A closed part's last chunk ends where the next part starts.
        uint64_t limit = end;
        for (const auto& other : layout->tail)
          if (other->stream_offset > chunk.offset) limit = std::min(limit, other->stream_offset);
        bytes.insert(bytes.end(), chunk.memory.data(), chunk.memory.data() + (limit - chunk.offset));
      }
    }
    return bytes;
  }
  // Each segment has its index file, which says what its records say, and there is no other file. Rows and bytes are
  // counted from the log's beginning: `rows_before` are those of records that retention has removed.
  void check_indexes(uint64_t rows_before = 0) {
    const auto layout = log_->shared()->layout();
    std::vector<std::string> names;
    uint64_t row = rows_before;
    uint64_t offset = layout->segments.empty() ? 0 : layout->segments.front()->index.offset;
    for (const auto& segment : layout->segments) {
      const Status checked = check_index(world_->files(), *segment, options_.row_bytes);
      EXPECT_TRUE(checked) << checked.error().message();
      EXPECT_EQ(segment->index.first_row, row);
      EXPECT_EQ(segment->index.offset, offset);
      row = segment->index.row_end();
      offset = segment->index.end();
      names.push_back(segment->index_path.substr(std::string("log/segments/").size()));
      names.push_back(segment->path.substr(std::string("log/segments/").size()));
    }
    EXPECT_EQ(layout->tail.front()->first_row, row);
    EXPECT_EQ(world_->files().list("log/segments").value(), names);
  }
  std::vector<Bytes> records(ByteView bytes) {
    std::vector<Bytes> found;
    FrameWalker walker(bytes, log_->shared()->layout()->first_retained);
    while (true) {
      const auto frame = walker.next();
      EXPECT_TRUE(frame) << frame.error().message();
      if (!frame || !*frame) break;
      if ((*frame)->kind == FrameKind::record) found.emplace_back((*frame)->payload.begin(), (*frame)->payload.end());
    }
    EXPECT_TRUE(walker.rest().empty());
    return found;
  }

  Options options_ = small();
  std::unique_ptr<sim::World> world_ = std::make_unique<sim::World>(7);
  std::unique_ptr<io::Io> io_;
  std::unique_ptr<Log> log_;
};

TEST_F(LogWriter, PositionsAreInOrderOfAppendAndDurableWhenAnswered) {
  for (uint64_t i = 0; i < 5; ++i) {
    const auto done = post(make_record(i));
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(done->position.value, i);
    EXPECT_FALSE(done->repeated);
    EXPECT_EQ(log_->shared()->committed().end.value, i + 1);
  }
}

TEST_F(LogWriter, ReopeningGivesTheSameBytes) {
  std::vector<Bytes> expected;
  for (uint64_t i = 0; i < 37; ++i) {
    expected.push_back(make_record(i, 200 + 37 * i));
    ASSERT_TRUE(post(expected.back()));
  }
  run_until_idle();
  const Bytes before = stream();
  EXPECT_EQ(records(before), expected);
  close();
  open();
  EXPECT_EQ(stream(), before);  // also chunk borders of the tail
  EXPECT_EQ(log_->shared()->committed().end.value, 37u);
  ASSERT_EQ(post(make_record(1000))->position.value, 37u);
}

// Sealing and merging move bytes into files, and change none of them: stream offsets stay what they were.
TEST_F(LogWriter, SealingAndMergingChangeNoByte) {
  Bytes before;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto done = post(make_record(i, 2000 + i));
    ASSERT_TRUE(done) << done.error().message();
    const Bytes now = stream();
    ASSERT_GE(now.size(), before.size());
    ASSERT_TRUE(std::equal(before.begin(), before.end(), now.begin())) << i;
    before = now;
  }
  run_until_idle();
  const Statistics statistics = log_->statistics();
  EXPECT_GE(statistics.segments_sealed, 18u);  // the ring may seal earlier than the count
  EXPECT_GT(statistics.segments_merged, 10u);
  EXPECT_LT(log_->shared()->layout()->segments.size(), 8u);
  EXPECT_EQ(records(stream()).size(), 200u);
}

// A merge must not take what sealing needs, and is not tried again and again: posts go on, files stay as they are.
TEST_F(LogWriter, MergingWaitsForSpace) {
  for (uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  const uint64_t merged = log_->statistics().segments_merged;
  ASSERT_GT(merged, 0u);
  const uint64_t used = world_->files().space("")->total_bytes - world_->files().space("")->free_bytes;
  world_->disk().faults().capacity_bytes =
      used + 180000;  // the two segments, and between once and twice of what their merging needs
  for (uint64_t i = 40; i < 60; ++i) ASSERT_TRUE(post(make_record(i)));  // two segments
  run_until_idle();
  const size_t files = log_->shared()->layout()->segments.size();
  EXPECT_EQ(log_->statistics().segments_merged, merged);
  world_->disk().faults().capacity_bytes = UINT64_MAX;
  log_->tick();
  run_until_idle();
  EXPECT_EQ(log_->statistics().segments_merged, merged) << "the pause is over too soon";
  for (uint32_t i = 0; i < Maintenance::kMergePause; ++i) log_->tick();
  run_until_idle();
  EXPECT_GT(log_->statistics().segments_merged, merged);
  EXPECT_LT(log_->shared()->layout()->segments.size(), files);
  EXPECT_EQ(records(stream()).size(), 60u);
}

TEST_F(LogWriter, RepeatsAreAnsweredWithTheirPosition) {
  const Bytes record = make_record(1);
  ASSERT_EQ(post(record)->position.value, 0u);
  const auto again = post(record);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->position.value, 0u);
  EXPECT_TRUE(again->repeated);

  Bytes same_signature = make_record(2);
  std::copy_n(record.begin(), kSignatureBytes, same_signature.begin());
  EXPECT_EQ(post(same_signature).error().code, Errc::conflict);
  Bytes same_nonce = make_record(3);
  std::copy_n(record.begin() + kSignatureBytes + kEntryBytes, kNonceBytes,
              same_nonce.begin() + kSignatureBytes + kEntryBytes);
  EXPECT_EQ(post(same_nonce).error().code, Errc::conflict);
  EXPECT_EQ(log_->shared()->committed().end.value, 1u);
}

TEST_F(LogWriter, RepeatsOfSealedRecordsAreFound) {
  for (uint64_t i = 0; i < 64; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  for (uint64_t i = 0; i < 64; ++i) {
    const auto again = post(make_record(i));
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(again->position.value, i);
    EXPECT_TRUE(again->repeated);
    Bytes other = make_record(i);
    other.back() ^= 1;
    EXPECT_EQ(post(other).error().code, Errc::conflict);
  }
  close();
  open();
  EXPECT_TRUE(post(make_record(5))->repeated);
  EXPECT_TRUE(post(make_record(63))->repeated);
}

// Two posts of the same record before the first is durable: one position, and both are answered when it is.
TEST_F(LogWriter, RepeatInFlightWaitsForTheFirst) {
  const Bytes record = make_record(1);
  Bytes conflicting = record;
  conflicting.back() ^= 1;
  Append appends[3];
  std::vector<int> order;
  struct Tag {
    std::vector<int>* order;
    int number;
  } tags[3] = {{&order, 0}, {&order, 1}, {&order, 2}};
  const ByteView bytes[3] = {record, record, conflicting};
  for (int i = 0; i < 3; ++i) {
    log_->append(
        appends[i], bytes[i],
        [](void* owner, Append&) {
          const auto* tag = static_cast<Tag*>(owner);
          tag->order->push_back(tag->number);
        },
        &tags[i]);
  }
  EXPECT_THAT(order, testing::ElementsAre(2));  // the conflict is known at once, nothing else is said yet
  run_until_idle();
  EXPECT_THAT(order, testing::ElementsAre(2, 0, 1));
  EXPECT_EQ(appends[0].result->position, appends[1].result->position);
  EXPECT_TRUE(appends[1].result->repeated);
  EXPECT_EQ(appends[2].result.error().code, Errc::conflict);
}

TEST_F(LogWriter, SizesAreChecked) {
  EXPECT_EQ(post(make_record(1, kRecordBytesMin - 1)).error().code, Errc::malformed);
  EXPECT_EQ(post(make_record(1, kRecordBytesMax + 1)).error().code, Errc::too_large);
  EXPECT_TRUE(post(make_record(1, kRecordBytesMin)));
  EXPECT_TRUE(post(make_record(2, kRecordBytesMax)));
}

// At the full hour a tail of at least the minimum becomes a segment; a smaller one waits.
TEST_F(LogWriter, TheHourSeals) {
  for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(post(make_record(i)));
  const auto next_hour = [&] {
    world_->set_wall_s(world_->clock().wall_hour_s() + 3600);
    log_->tick();
    run_until_idle();
  };
  next_hour();
  EXPECT_EQ(log_->statistics().segments_sealed, 0u);
  ASSERT_TRUE(post(make_record(3)));
  next_hour();
  EXPECT_EQ(log_->statistics().segments_sealed, 1u);
  EXPECT_EQ(log_->shared()->layout()->segments.front()->end.value, 4u);
  // The closed part's filler is part of the stream at once: the boundary lies at the committed offset.
  EXPECT_EQ(log_->shared()->committed().offset, log_->shared()->layout()->tail.front()->stream_offset);
}

// A ring far smaller than the log, under posts that come faster than the disk: nothing stops for good, and what does
// not fit is told to come again.
TEST_F(LogWriter, FullRingIsBackPressure) {
  std::vector<std::unique_ptr<Append>> appends;
  uint64_t accepted = 0;
  uint64_t busy = 0;
  for (uint64_t i = 0; i < 600; ++i) {
    appends.push_back(std::make_unique<Append>());
    log_->append(
        *appends.back(), make_record(i), [](void*, Append&) {}, nullptr);
    if (!appends.back()->in_flight) {
      EXPECT_EQ(appends.back()->result.error().code, Errc::busy);
      ++busy;
    } else {
      ++accepted;
    }
    if (i % 7 == 0) turn();
  }
  run_until_idle();
  EXPECT_GT(busy, 0u);
  EXPECT_GT(accepted, 50u);
  EXPECT_EQ(log_->shared()->committed().end.value, accepted);
  EXPECT_EQ(records(stream()).size(), accepted);
  ASSERT_TRUE(post(make_record(1'000'000)));
}

// One-record groups fill the ring with fillers long before a segment is full: the tail is sealed early.
TEST_F(LogWriter, LargeSealCountDoesNotWedgeTheRing) {
  close();
  options_.seal_records = 100000;
  open();
  for (uint64_t i = 0; i < 300; ++i) ASSERT_TRUE(post(make_record(i, 200))) << i;
  run_until_idle();
  EXPECT_GT(log_->statistics().segments_sealed, 3u);
  EXPECT_EQ(records(stream()).size(), 300u);
}

// The process dies while the ring is full of records that are far fewer than a segment may have: the next one must not
// wait for a full hour before it takes posts.
TEST_F(LogWriter, RestartWithAFullRingTakesPosts) {
  close();
  options_.seal_records = 100000;
  options_.seal_records_hour_min = 100000;
  open();
  uint64_t next = 0;
  // Groups of one record each, and nothing can be sealed.
  world_->disk().script({sim::DiskCall::create, 0, ENOSPC, true});
  for (bool refused = false; !refused; ++next) {
    auto append = std::make_unique<Append>();
    bool done = false;
    log_->append(
        *append, make_record(next, 200), [](void* owner, Append&) { *static_cast<bool*>(owner) = true; }, &done);
    while (!done) turn();
    refused = !append->result.has_value();
  }
  EXPECT_GT(next, 20u);
  world_->disk().script_clear();
  restart_after_a_power_cut();
  ASSERT_TRUE(post(make_record(1'000'000)));
}

TEST_F(LogWriter, RetentionRemovesWholeSegmentsAndFreesTheirKeys) {
  close();
  options_.retain_records_max = 30;
  open();
  for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  log_->tick();
  run_until_idle();
  const auto layout = log_->shared()->layout();
  EXPECT_GE(layout->first_retained.value, 60u);
  EXPECT_EQ(layout->segments.front()->first, layout->first_retained);
  const auto again = post(make_record(1));  // a retired signature may come again, as the newest
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_FALSE(again->repeated);
  EXPECT_EQ(again->position.value, 100u);
  close();
  open();
  EXPECT_EQ(log_->shared()->layout()->first_retained, layout->first_retained);
}

TEST_F(LogWriter, IndexFilesFollowTheirSegments) {
  close();
  options_.row_bytes = 777;  // as it is in the settings when the log is made, and no more afterwards
  open();
  EXPECT_EQ(log_->options().row_bytes, kRowBytesDefault);
  EXPECT_EQ(log_->shared()->row_bytes, kRowBytesDefault);
  options_.row_bytes = kRowBytesDefault;
  uint64_t row = 0;
  std::vector<uint64_t> rows_before;
  const auto post_some = [&](uint64_t from, uint64_t end) {
    for (uint64_t i = from; i < end; ++i) {
      Bytes record = make_record(i, kRecordBytesMin + i * 997 % (kRecordBytesMax - kRecordBytesMin));
      if (i % 3 == 0) std::fill_n(record.begin() + kSignatureBytes, kEntryBytes, uint8_t{0});
      ASSERT_TRUE(post(record));
      rows_before.push_back(row);
      row += rows_of(record.size(), kRowBytesDefault);
    }
    run_until_idle();
  };
  post_some(0, 75);
  EXPECT_GT(log_->statistics().segments_merged, 0u);
  check_indexes();
  close();
  open();
  check_indexes();
  restart_after_a_power_cut();
  check_indexes();

  close();
  options_.retain_records_max = 30;
  open();
  post_some(75, 200);
  log_->tick();
  run_until_idle();
  const uint64_t first = log_->shared()->layout()->first_retained.value;
  ASSERT_GE(first, 150u);
  check_indexes(rows_before[first]);

  close();
  options_.retain_records_max = 1;  // all but the tail
  open();
  log_->tick();
  run_until_idle();
  ASSERT_TRUE(log_->shared()->layout()->segments.empty());
  close();
  options_.retain_records_max = 0;
  open();
  EXPECT_EQ(log_->shared()->layout()->tail.front()->first_row,
            rows_before[log_->shared()->layout()->first_retained.value]);
  post_some(200, 240);
  check_indexes(rows_before[log_->shared()->layout()->first_retained.value]);
}

// Merging reads the parts' index files, and makes what is missing or damaged anew on the way.
TEST_F(LogWriter, MergingMendsIndexFiles) {
  for (uint64_t i = 0; i < 11; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  ASSERT_EQ(log_->shared()->layout()->segments.size(), 1u);
  world_->disk().change_byte(log_->shared()->layout()->segments.front()->index_path, 70, 4);
  for (uint64_t i = 11; i < 61; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  EXPECT_GT(log_->statistics().segments_merged, 0u);
  EXPECT_EQ(log_->statistics().damage_found, 0u);
  check_indexes();
}

// A record whose ciphertext is the image of a journal group, at every alignment a client could aim for, is not taken
// for one: it lacks the secret.
TEST_F(LogWriter, ImageOfAGroupInARecordIsNotAGroup) {
  for (uint64_t i = 0; i < 6; ++i) {
    Bytes record = make_record(i, kRecordBytesMax);
    for (size_t at = 96; at + GroupHeader::kFrameBytes <= record.size(); at += 16) {
      if (at % 64 != 0) continue;
      write_group(MutableBytes(record).subspan(at),
                  {.sequence = 1000 + i, .first = {i + 1}, .records_count = 1, .chain_before = 0, .group_bytes = 4096},
                  ByteArray<16>{});
    }
    ASSERT_TRUE(post(record));
  }
  close();
  open();
  EXPECT_EQ(log_->shared()->committed().end.value, 6u);
}

TEST_F(LogWriter, TimesOfFilesAreFullHoursAfterAStop) {
  for (uint64_t i = 0; i < 25; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  close();
  // The simulator's disk has no times of its own; the calls are covered by the end-to-end test. Here: the log reopens.
  open();
  EXPECT_EQ(log_->shared()->committed().end.value, 25u);
}

TEST_F(LogWriter, VerifyNamesWhatIsDamaged) {
  for (uint64_t i = 0; i < 45; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  const std::string path = log_->shared()->layout()->segments.front()->path;
  const std::string index = log_->shared()->layout()->segments.front()->index_path;
  close();
  const auto ignore = [](const VerifyProgress&) {};
  auto damage = verify(world_->files(), "log", ignore);
  ASSERT_TRUE(damage);
  EXPECT_TRUE(damage->empty());
  const size_t index_bytes = world_->disk().contents(index)->size();
  for (const size_t at : {size_t{0}, size_t{20}, size_t{60}, index_bytes - 1}) {
    world_->disk().change_byte(index, at, 1);
    damage = verify(world_->files(), "log", ignore);
    ASSERT_TRUE(damage);
    ASSERT_EQ(damage->size(), 1u);
    EXPECT_EQ(damage->front().file, index);
    EXPECT_EQ(damage->front().error.code, Errc::corrupt);
    world_->disk().change_byte(index, at, 1);
  }
  world_->disk().change_byte(path, 5000, 1);
  damage = verify(world_->files(), "log", ignore);
  ASSERT_TRUE(damage);
  ASSERT_EQ(damage->size(), 1u);
  EXPECT_EQ(damage->front().file, path);
  EXPECT_EQ(damage->front().error.code, Errc::corrupt);
  open();  // and the log still starts: other records are served
}

// ---- recovery ----

class LogRecovery : public LogWriter {
 protected:
  // Opens what is there and expects it to be refused, naming `file`.
  void expect_refused(const std::string& file) {
    std::string damage;
    const auto log = Log::open(world_->files(), world_->clock(), world_->random(), "log", options_, &damage);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, Errc::corrupt);
    EXPECT_THAT(damage, testing::HasSubstr(file));
  }
};

TEST_F(LogRecovery, DamagedGroupBeforeAGoodOneIsRefused) {
  for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(post(make_record(i)));
  close();
  world_->disk().change_byte("log/journal.0", 2 * 4096 + 500, 1);
  expect_refused("journal.0");
}

TEST_F(LogRecovery, TornLastGroupIsNoDamage) {
  for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(post(make_record(i)));
  close();
  world_->disk().change_byte("log/journal.0", 5 * 4096 + 500, 1);
  open();
  EXPECT_EQ(log_->shared()->committed().end.value, 5u);
  ASSERT_EQ(post(make_record(77))->position.value, 5u);
  close();
  open();
  EXPECT_EQ(log_->shared()->committed().end.value, 6u);
}

TEST_F(LogRecovery, MissingSegmentIsRefused) {
  for (uint64_t i = 0; i < 45; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  const std::string path = log_->shared()->layout()->segments.front()->path;
  close();
  ASSERT_TRUE(world_->files().unlink(path));
  expect_refused(path);
}

TEST_F(LogRecovery, LeftoversAreRemoved) {
  for (uint64_t i = 0; i < 45; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  close();
  for (const char* const path : {"log/segments/sealing", "log/segments/x.seg", "log/keys/x.keys",
                                 "log/segments/sealing.idx", "log/segments/x.idx", "log/segments/x.idx.3"})
    world_->files().close(*world_->files().open(path, {.write = true, .create = true}));
  open();
  EXPECT_FALSE(world_->disk().exists("log/segments/sealing"));
  EXPECT_FALSE(world_->disk().exists("log/segments/x.seg"));
  EXPECT_FALSE(world_->disk().exists("log/keys/x.keys"));
  check_indexes();
}

TEST_F(LogRecovery, DamagedKeyRunIsBuiltAnew) {
  for (uint64_t i = 0; i < 45; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  close();
  const auto names = world_->files().list("log/keys");
  ASSERT_FALSE(names->empty());
  const std::string path = "log/keys/" + names->front();
  const size_t size = world_->disk().contents(path)->size();
  world_->disk().change_byte(path, size - 20, 1);
  open();
  run_until_idle();
  const auto again = post(make_record(0));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(again->repeated);
}

TEST_F(LogRecovery, OnlyOneProcessAtATime) {
  std::string damage;
  const auto second = Log::open(world_->files(), world_->clock(), world_->random(), "log", options_, &damage);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::busy);
}

TEST_F(LogRecovery, StartReadsNoSegment) {
  for (uint64_t i = 0; i < 200; ++i) ASSERT_TRUE(post(make_record(i)));
  run_until_idle();
  close();
  open();
  const uint64_t active = uint64_t{options_.journal_files} * options_.journal_file_bytes;
  EXPECT_LT(log_->statistics().start_bytes_read, active + 64 * kBlockBytes);
}

}  // namespace
}  // namespace cwtch::log
