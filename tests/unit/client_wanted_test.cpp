// The queue of wanted records against copies, replays, floods and restarts; the slots of queries shared fairly; and
// what was fetched judged by what it is, not by who says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/client/fetched.hpp"
#include "engine/client/profile.hpp"
#include "engine/client/row_collector.hpp"
#include "engine/log/rows.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr GroupId kAnn{1}, kBob{2};

IndexName name_of(uint32_t number, bool tagged = true) {
  IndexName name;
  name.tagged = tagged;
  std::memcpy(name.bytes.data(), &number, sizeof number);
  return name;
}

// Record number `name` at `position`; one row each, numbered as positions are.
RecordWanted wanted(const GroupId& group, uint64_t position, uint32_t name, uint8_t tries = 0) {
  return {group, position, position, 1, tries, name_of(name)};
}
RecordSettled settled(const GroupId& group, uint32_t name) { return {group, true, name_of(name).unique()}; }

std::vector<std::vector<uint64_t>> positions(const WantedQueue& queue) {
  std::vector<std::vector<uint64_t>> positions;
  for (const auto& records : queue.turns()) {
    std::vector<uint64_t>& of_group = positions.emplace_back();
    for (const RecordWanted& record : records) of_group.push_back(record.position);
  }
  return positions;
}

std::vector<Bytes> encoded(const WantedQueue& queue) {
  std::vector<Bytes> events;
  for (const Event& event : queue.events()) events.push_back(encode(event));
  return events;
}

TEST(ClientWanted, ANameIsWantedAtThreePlacesAndNoMoreOnceSettled) {
  WantedQueue queue;
  for (uint64_t p = 1; p <= 5; ++p) queue.apply(wanted(kAnn, p * 10, 7));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(10, 20, 30)));
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 60, 7)));
  // One place was read, and it was the record: the copies go with it, also those to come.
  queue.stored(kAnn, 20);
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 70, 7)));
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 10, 7)));
  EXPECT_TRUE(queue.settled(kAnn, name_of(7)));
  EXPECT_FALSE(queue.settled(kAnn, name_of(7, false))) << "an entry is no nonce";
  EXPECT_FALSE(queue.settled(kBob, name_of(7)));
}

TEST(ClientWanted, OnePlaceHasOneName) {
  WantedQueue queue;
  queue.apply(wanted(kAnn, 10, 7));
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 10, 8)));
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 10, 8, 2)));
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 10, 7)));
}

TEST(ClientWanted, WhatIsSpoiledIsTriedThreeTimesInAll) {
  WantedQueue queue;
  queue.apply(wanted(kAnn, 10, 7));
  for (uint8_t tries = 1; tries < WantedQueue::kTriesMax; ++tries) {
    queue.apply(wanted(kAnn, 10, 7, tries));
    EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(10)));
  }
  queue.apply(wanted(kAnn, 10, 7, WantedQueue::kTriesMax));
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 10, 7))) << "the tail shows it again";
  // It was perhaps a copy: the name may still come, elsewhere.
  queue.apply(wanted(kAnn, 20, 7));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(20)));
}

TEST(ClientWanted, GroupsTakeTurns) {
  WantedQueue queue;
  for (uint32_t i = 0; i < 4; ++i) queue.apply(wanted(kAnn, 10 + i, i));
  for (uint32_t i = 0; i < 2; ++i) queue.apply(wanted(kBob, 20 + i, i));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(10, 11, 12, 13), ElementsAre(20, 21)));
  queue.apply(settled(kAnn, 0));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(20, 21), ElementsAre(11, 12, 13)));
  queue.apply(settled(kAnn, 0));  // what another process learned, too
  queue.apply(settled(kBob, 99));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(20, 21), ElementsAre(11, 12, 13)));
  queue.apply(wanted(kBob, 20, 0, 1));
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(11, 12, 13), ElementsAre(20, 21)));
}

TEST(ClientWanted, AFloodTakesNoOtherGroupsPlaceAndItsOldestGivesWay) {
  WantedQueue queue;
  queue.apply(wanted(kBob, 5, 0));
  const auto max = static_cast<uint32_t>(WantedQueue::kWaitingMax);
  for (uint32_t i = 0; i < max + 100; ++i) queue.apply(wanted(kAnn, 1000 + i, i));
  EXPECT_EQ(queue.waiting(), max + 1u);
  EXPECT_EQ(positions(queue)[0], (std::vector<uint64_t>{5}));
  EXPECT_EQ(positions(queue)[1].front(), 1100u);
  EXPECT_FALSE(queue.accepts(wanted(kAnn, 1099, 99)));
  EXPECT_TRUE(queue.accepts(wanted(kAnn, 999'999'999, 99))) << "who gave way may come again";
}

TEST(ClientWanted, WhatTheLogHasShownIsForgotten) {
  WantedQueue queue;
  for (uint32_t i = 0; i < 4; ++i) queue.apply(wanted(kAnn, 10 + i, i));
  queue.apply(wanted(kBob, 10, 50));
  queue.forget(0, 12);
  EXPECT_THAT(positions(queue), ElementsAre(ElementsAre(12, 13)));
  queue.forget(12, 100);
  EXPECT_THAT(positions(queue), IsEmpty());
  EXPECT_THAT(queue.events(), IsEmpty());
}

// Whatever happened: its events make the same queue, with the same turns, and applying them again changes nothing.
TEST(ClientWanted, EventsMakeTheSameQueue) {
  SeededRandom random(11);
  WantedQueue queue;
  for (int step = 0; step < 4000; ++step) {
    GroupId group{static_cast<uint8_t>(random.below(4))};
    const uint64_t position = random.below(600);
    const auto name = static_cast<uint32_t>(random.below(200));
    switch (random.below(8)) {
      case 0:
        queue.apply(settled(group, name));
        break;
      case 1:
        queue.stored(group, position);
        break;
      case 2:
        if (random.below(20) == 0) queue.forget(position, position + 40);
        break;
      case 3:
        if (const RecordWanted* const found = queue.find(group, position)) {
          RecordWanted again = *found;
          again.tries += 1;
          queue.apply(again);
        }
        break;
      default:
        queue.apply(wanted(group, position, name));
    }
    if (step % 50 != 0) continue;
    WantedQueue same;
    for (int round = 0; round < 2; ++round) {
      for (const Event& event : queue.events()) {
        if (const auto* const record = std::get_if<RecordWanted>(&event)) same.apply(*record);
        if (const auto* const done = std::get_if<RecordSettled>(&event)) same.apply(*done);
      }
      ASSERT_EQ(encoded(same), encoded(queue));
      ASSERT_EQ(positions(same), positions(queue));
    }
  }
}

// ---- the slots of queries ----

std::vector<RecordWanted> records(const GroupId& group, uint64_t first_row, size_t count, uint8_t rows = 1) {
  std::vector<RecordWanted> records;
  for (size_t i = 0; i < count; ++i) {
    RecordWanted record = wanted(group, first_row + i * rows, static_cast<uint32_t>(first_row + i));
    record.rows = rows;
    records.push_back(record);
  }
  return records;
}

TEST(ClientRows, ChosenRowsLieInPartsOfTheirOwnAndInTheDatabase) {
  const pir::Geometry geometry{.first_row = 100, .rows = 64, .row_bytes = 512, .parts = 8};
  RowCollector collector({records(kAnn, 90, 30, 3)});
  for (int round = 0; round < 50; ++round) {
    std::set<uint32_t> parts;
    for (const uint64_t row : collector.choose(geometry)) {
      ASSERT_TRUE(geometry.contains(row));
      EXPECT_TRUE(parts.insert(geometry.place_of(row).part).second);
      (void)collector.got(row, Bytes(512));
    }
  }
  EXPECT_THAT(collector.choose(geometry), IsEmpty());
  EXPECT_EQ(collector.records(), 10u) << "those outside, and those that the border cuts";
}

// Nine tenths of what waits are a spammer's copies in one group's name: the other group's records do not wait for them,
// in whichever database they are.
TEST(ClientRows, AFloodTakesNoOtherGroupsSlots) {
  const pir::Geometry geometry{.first_row = 0, .rows = 1024, .row_bytes = 512, .parts = 4};
  std::vector<RecordWanted> flood = records(kAnn, 0, 900);
  std::vector<RecordWanted> honest = records(kBob, 900, 10);
  for (const RecordWanted& record : records(kBob, 1000, 4)) honest.push_back(record);
  RowCollector collector({flood, honest});
  size_t queries = 0, left = honest.size();
  for (; left > 0 && queries < 100; ++queries) {
    const auto rows = collector.choose(geometry);
    for (const uint64_t row : rows) {
      const auto whole = collector.got(row, Bytes(512));
      ASSERT_TRUE(whole);
      left -= whole->wanted.group == kBob;
    }
  }
  EXPECT_EQ(queries, honest.size()) << "they all lie in the last part: one of them in each query";
}

TEST(ClientRows, GroupsWithEquallyMuchGetEquallyManySlots) {
  const pir::Geometry geometry{
      .first_row = 0, .rows = 64, .row_bytes = 512, .parts = 2, .partition = pir::Partition::interleaved};
  std::vector<RecordWanted> even, odd;
  for (const RecordWanted& record : records(kAnn, 0, 64)) (record.row / 2 % 2 == 0 ? even : odd).push_back(record);
  RowCollector collector({even, odd});
  size_t of_even = 0, all = 0;
  for (int query = 0; query < 10; ++query) {
    for (const uint64_t row : collector.choose(geometry)) {
      of_even += row / 2 % 2 == 0;
      ++all;
      (void)collector.got(row, Bytes(512));
    }
  }
  EXPECT_EQ(all, 20u);
  EXPECT_EQ(of_even, 10u);
}

TEST(ClientRows, ALostQueryAsksForTheSameAgain) {
  const pir::Geometry geometry{.first_row = 0, .rows = 64, .row_bytes = 512, .parts = 4};
  RowCollector collector({records(kAnn, 0, 8, 2)});
  const auto first = collector.choose(geometry);
  EXPECT_FALSE(first.empty());
  for (const uint64_t row : collector.choose(geometry)) EXPECT_THAT(first, testing::Not(testing::Contains(row)));
  collector.again();
  EXPECT_EQ(collector.choose(geometry), first);
}

// A batch brings few rows of each of its 28 parts: rows 44, 72 and 100 are in one, 70 and 98 in another.
TEST(ClientRows, WhatNoBatchBringsComesFirstAndThenWhatIsCrowdedThere) {
  const pir::Geometry hot{.first_row = 64, .rows = 64, .row_bytes = 512};
  std::vector<RecordWanted> wanted;
  for (const uint64_t row : {44, 70, 72, 98, 100, 101}) wanted.push_back(records(kAnn, row, 1)[0]);
  const auto order = [&](std::optional<uint64_t> batch_row) {
    RowCollector collector({wanted});
    std::vector<uint64_t> rows;
    for (int query = 0; query < 5; ++query) {
      for (const uint64_t row : collector.choose(hot, batch_row)) rows.push_back(row);
    }
    EXPECT_THAT(collector.choose(hot, batch_row), IsEmpty());
    return rows;
  };
  EXPECT_THAT(order({}), ElementsAre(70, 72, 98, 100, 101));
  EXPECT_THAT(order(0), ElementsAre(72, 70, 100, 98, 101)) << "44 counts: only the batch will bring it";
  EXPECT_THAT(order(64), ElementsAre(70, 72, 98, 100, 101)) << "44 does not: the batch before had it";
}

TEST(ClientRows, ARecordIsWholeWhenAllItsRowsAreHere) {
  RowCollector collector({records(kAnn, 10, 2, 3)});
  EXPECT_FALSE(collector.got(12, Bytes(512, 3)));
  EXPECT_FALSE(collector.got(12, Bytes(512, 3)));
  EXPECT_FALSE(collector.got(10, Bytes(512, 1)));
  EXPECT_FALSE(collector.got(99, Bytes(512, 9))) << "nobody wanted it";
  const auto whole = collector.got(11, Bytes(512, 2));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->wanted.position, 10u);
  ASSERT_EQ(whole->rows.size(), 1536u);
  EXPECT_THAT((std::vector<int>{whole->rows[0], whole->rows[511], whole->rows[512], whole->rows[1024]}),
              ElementsAre(1, 1, 2, 3));
}

// ---- what was fetched ----

class ClientFetched : public testing::Test {
 protected:
  Bytes record(Form form) {
    return compose(group_, author_, {"{\"o\":1,\"d\":\"hello\"}", 1'700'000'000, {}}, form, random_).value();
  }
  RecordWanted wanted_for(const Bytes& record) {
    log::IndexBlockBuilder builder({7}, 9, kRowBytes);
    builder.add(record);
    const Bytes block = builder.bytes();
    RecordWanted wanted;
    log::IndexBlock::parse(block)->for_each([&](const log::IndexEntry& entry) {
      wanted = {group_.id, entry.position.value, entry.row, static_cast<uint8_t>(entry.rows), 0, IndexName(entry)};
    });
    return wanted;
  }
  static Bytes rows_of(const Bytes& record) {
    Bytes rows(size_t{log::rows_of(record.size(), kRowBytes)} * kRowBytes);
    log::encode_rows(record, kRowBytes, rows);
    return rows;
  }
  Verdict judge(const RecordWanted& wanted, const Bytes& rows) {
    events_.clear();
    return judge_rows(group_, wanted, rows, kRowBytes, events_);
  }
  void expect_spoiled(const RecordWanted& wanted, const Bytes& rows) {
    EXPECT_EQ(judge(wanted, rows), Verdict::spoiled);
    ASSERT_EQ(events_.size(), 1u);
    const auto& again = std::get<RecordWanted>(events_[0]);
    EXPECT_EQ(again.position, wanted.position);
    EXPECT_EQ(again.name, wanted.name);
    EXPECT_EQ(again.tries, 1u);
  }

  static constexpr uint32_t kRowBytes = 1024;
  SeededRandom random_{5};
  Identity author_ = Identity::create(random_);
  Group group_ = *create_group(author_.hostname(), "friends", random_);
  std::vector<Event> events_;
};

TEST_F(ClientFetched, TaggedAndUntaggedRecordsBecomeMessages) {
  for (const Form form : {Form::tagged, Form::untagged}) {
    const Bytes honest = record(form);
    EXPECT_EQ(judge(wanted_for(honest), rows_of(honest)), Verdict::message);
    ASSERT_EQ(events_.size(), 1u);
    const auto& stored = std::get<MessageStored>(events_[0]);
    EXPECT_EQ(stored.position, 7u);
    EXPECT_EQ(stored.author, author_.key());
    EXPECT_FALSE(stored.acknowledged);
  }
}

TEST_F(ClientFetched, NoChangedByteIsTakenForTheRecord) {
  for (const Form form : {Form::tagged, Form::untagged}) {
    const Bytes honest = record(form);
    const RecordWanted wanted = wanted_for(honest);
    const Bytes rows = rows_of(honest);
    for (size_t i = 0; i < rows.size(); i += 41) {
      SCOPED_TRACE(i);
      Bytes changed = rows;
      changed[i] ^= 0x04;
      expect_spoiled(wanted, changed);
    }
  }
}

TEST_F(ClientFetched, RowsThatAreNoRecordOrAnotherOne) {
  const Bytes honest = record(Form::tagged), other = record(Form::tagged), untagged = record(Form::untagged);
  const RecordWanted wanted = wanted_for(honest);
  expect_spoiled(wanted, {});
  expect_spoiled(wanted, Bytes(size_t{wanted.rows} * kRowBytes));
  expect_spoiled(wanted, Bytes(size_t{wanted.rows} * kRowBytes, 0xFF));
  expect_spoiled(wanted, rows_of(other));
  expect_spoiled(wanted, rows_of(untagged));
  Bytes longer = rows_of(honest);
  longer.resize(longer.size() + kRowBytes);
  expect_spoiled(wanted, longer);
  // The same record without its entry.
  Bytes stripped = honest;
  std::fill_n(stripped.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
  expect_spoiled(wanted, rows_of(stripped));
}

// A copied probe in front of junk costs a few tries, and does not settle the name; a member's nonsense does.
TEST_F(ClientFetched, JunkUnderACopiedProbeDoesNotSettleTheName) {
  const Bytes honest = record(Form::untagged);
  Bytes junk = honest;
  for (size_t i = log::kSignatureBytes + log::kEntryBytes + log::kProbeTextOffset + 8; i < junk.size(); ++i)
    junk[i] ^= 1;
  expect_spoiled(wanted_for(junk), rows_of(junk));
  const Bytes nonsense = seal(group_, author_, "{\"Text\":1}", Bytes(24, 1), Form::tagged);
  EXPECT_EQ(judge(wanted_for(nonsense), rows_of(nonsense)), Verdict::unreadable);
  EXPECT_TRUE(std::holds_alternative<RecordSettled>(events_.at(0)));
}

TEST(LogRows, ComeBackAsTheyWereAndInNoOtherWay) {
  SeededRandom random(1);
  for (const uint32_t row_bytes : {log::kRowBytesMin, 1000u, log::kRowBytesDefault, log::kRowBytesMax}) {
    for (const size_t size : {log::kRecordBytesMin, size_t{510}, size_t{511}, size_t{1022}, size_t{3070}, size_t{3071},
                              log::kRecordBytesMax}) {
      Bytes record(size);
      random.fill(record);
      const uint32_t count = log::rows_of(size, row_bytes);
      EXPECT_LE(count, log::kRowsPerRecordMax);
      Bytes rows(size_t{count} * row_bytes, 0xEE);
      log::encode_rows(record, row_bytes, rows);
      EXPECT_EQ(log::decode_rows(rows, row_bytes).value(), record);

      Bytes padded = rows;
      if (2 + size < rows.size()) {
        padded.back() = 1;
        EXPECT_FALSE(log::decode_rows(padded, row_bytes));
      }
      padded = rows;
      padded.resize(rows.size() + row_bytes);
      EXPECT_FALSE(log::decode_rows(padded, row_bytes)) << "a row too many";
      padded.resize(rows.size() - row_bytes);
      EXPECT_FALSE(log::decode_rows(padded, row_bytes)) << "a row too few";
    }
  }
  for (const size_t size : {size_t{0}, log::kRecordBytesMin - 1, log::kRecordBytesMax + 1, size_t{65535}}) {
    Bytes rows(65536 * 2);
    rows[0] = static_cast<uint8_t>(size);
    rows[1] = static_cast<uint8_t>(size >> 8);
    EXPECT_FALSE(log::decode_rows(ByteView(rows).first(65536), 65536)) << size;
  }
}

}  // namespace
}  // namespace cwtch::client
