// The index stream read by a member: every record of its groups is found, tagged or not, and no other; whatever the
// server does, the same is requested; and no lie that contradicts itself or the past is believed.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "engine/client/fetched.hpp"
#include "engine/client/index_pull.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "tests/support/client_world.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// ---- the stream alone ----

struct Seen final : IndexStream::Visitor {
  void entry(const log::IndexEntry& entry) override { positions.push_back(entry.position.value); }
  Status block(const IndexPlace& end, uint32_t) override {
    ends.push_back(end);
    return {};
  }
  std::vector<uint64_t> positions;
  std::vector<IndexPlace> ends;
};

// Changes header fields of a block and makes its checksums right: what a lying server can do.
void reseal(MutableBytes block) {
  store_le<uint32_t>(block.data() + 40, crc32c(0, block.subspan(log::kIndexHeaderBytes)));
  store_le<uint32_t>(block.data() + log::kIndexHeaderBytes - 4, crc32c(0, block.first(log::kIndexHeaderBytes - 4)));
}

Bytes block_of(uint64_t first, uint64_t first_row, uint32_t records, uint32_t row_bytes = log::kRowBytesDefault) {
  log::IndexBlockBuilder builder({first}, first_row, row_bytes);
  for (uint32_t i = 0; i < records; ++i) builder.add(Bytes(3100, static_cast<uint8_t>(i % 2)));  // of two rows
  return builder.bytes();
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Status read_all(IndexStream& stream, ByteView bytes, size_t piece, Seen& seen) {
  while (!bytes.empty()) {
    const size_t size = std::min(piece, bytes.size());
    if (const Status taken = stream.received(bytes.first(size), seen); !taken) return taken;
    bytes = bytes.subspan(size);
  }
  return stream.finish();
}

Status read_all(const Bytes& bytes, uint64_t from = 0, std::optional<IndexStream::Known> known = {}) {
  IndexStream stream(from, known);
  Seen seen;
  return read_all(stream, bytes, 1000, seen);
}

TEST(ClientIndexStream, PiecesOfAnySizeGiveTheSameBlocks) {
  const Bytes bytes = block_of(8, 16, 9) + block_of(17, 34, 1) + block_of(18, 36, 20);
  for (size_t piece = 1; piece < 100; ++piece) {
    IndexStream stream(8, {});
    Seen seen;
    ASSERT_TRUE(read_all(stream, bytes, piece, seen)) << piece;
    EXPECT_THAT(seen.ends, ElementsAre(IndexPlace{17, 34}, IndexPlace{18, 36}, IndexPlace{38, 76}));
    ASSERT_EQ(seen.positions.size(), 30u);
    EXPECT_EQ(seen.positions.front(), 8u);
    EXPECT_EQ(seen.positions.back(), 37u);
    EXPECT_EQ(stream.first(), (IndexPlace{8, 16}));
    EXPECT_EQ(stream.row_bytes(), log::kRowBytesDefault);
  }
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    Bytes shorter = bytes;
    shorter.resize(cut);
    const bool between = cut == block_of(8, 16, 9).size() || cut == (block_of(8, 16, 9) + block_of(17, 34, 1)).size();
    EXPECT_EQ(read_all(shorter, 8).has_value(), between) << cut;
  }
}

TEST(ClientIndexStream, WhatDoesNotFitTogetherIsCorrupt) {
  const auto code = [](const Bytes& bytes, uint64_t from = 0, std::optional<IndexStream::Known> known = {}) {
    const Status read = read_all(bytes, from, known);
    EXPECT_FALSE(read);
    return read ? Errc::io : read.error().code;
  };
  EXPECT_EQ(code(block_of(1, 0, 3)), Errc::corrupt) << "does not begin where it was asked to";
  EXPECT_EQ(code(block_of(0, 5, 3)), Errc::corrupt) << "rows before the log";
  EXPECT_EQ(code(block_of(0, 0, 3) + block_of(4, 6, 1)), Errc::corrupt) << "a gap";
  EXPECT_EQ(code(block_of(0, 0, 3) + block_of(2, 6, 1)), Errc::corrupt) << "an overlap";
  EXPECT_EQ(code(block_of(0, 0, 3) + block_of(3, 7, 1)), Errc::corrupt) << "rows that do not follow";
  EXPECT_EQ(code(block_of(0, 0, 3) + block_of(3, 6, 1, 4096)), Errc::corrupt) << "other rows";
  EXPECT_EQ(code(block_of(8, 16, 3), 8, IndexStream::Known{15, log::kRowBytesDefault}), Errc::corrupt);
  EXPECT_EQ(code(block_of(8, 16, 3), 8, IndexStream::Known{16, 4096}), Errc::corrupt);
  EXPECT_TRUE(read_all(block_of(8, 16, 3), 8, IndexStream::Known{16, log::kRowBytesDefault}));
  EXPECT_EQ(code({}), Errc::corrupt) << "not even a block of nothing";
  EXPECT_TRUE(read_all(block_of(0, 0, 0)));
  EXPECT_EQ(code(block_of(0, 0, 0) + block_of(0, 0, 0)), Errc::corrupt) << "for ever";
  EXPECT_EQ(code(block_of(0, 0, 0) + block_of(0, 0, 1)), Errc::corrupt);
  EXPECT_EQ(code(block_of(0, 0, 1) + block_of(1, 2, 0)), Errc::corrupt);
}

// A header promises at most what fits its records: refused before any of it is awaited, so memory is bounded.
TEST(ClientIndexStream, ImpossibleHeadersAreRefusedBeforeTheirBlocks) {
  for (const auto& [offset, value] :
       {std::pair<size_t, uint32_t>{24, log::kIndexRecordsMax + 1}, {24, UINT32_MAX}, {40, UINT32_MAX}, {32, 1}}) {
    Bytes head = block_of(0, 0, 3);
    store_le<uint32_t>(head.data() + offset, value);
    reseal(head);
    head.resize(log::kIndexHeaderBytes);
    IndexStream stream(0, {});
    Seen seen;
    EXPECT_FALSE(stream.received(head, seen)) << offset;
  }
  static_assert(IndexStream::kBlockBytesMax > log::kIndexHeaderBytes + log::kIndexRecordsMax * (log::kProbeBytes + 1));
}

// ---- the keyring ----

TEST(ClientKeyring, WhatTheIndexHasOfARecordMatchesAsTheRecordDoes) {
  SeededRandom random(7);
  const Identity author = Identity::create(random);
  const std::string host = Identity::create(random).hostname();
  std::vector<Group> groups;
  Keyring keyring(host);
  for (size_t i = 0; i < 5; ++i) groups.push_back(std::move(*create_group(host, "group", random)));
  for (size_t i = 0; i < 4; ++i) keyring.add(groups[i]);  // not the last
  for (size_t i = 0; i < 40; ++i) {
    const Form form = i % 2 == 0 ? Form::tagged : Form::untagged;
    const size_t group = i / 2 % groups.size();
    const Bytes record = compose(groups[group], author, {R"({"o":1,"d":"x"})", i, {}}, form, random).value();
    ASSERT_EQ(log::is_tagged(record), form == Form::tagged);
    for (size_t from = 0; from <= keyring.size(); ++from) {
      const size_t match = keyring.match(record, from);
      EXPECT_EQ(match, group < keyring.size() && from <= group ? group : Keyring::kNone);
      EXPECT_EQ(form == Form::tagged ? keyring.match_entry(log::entry_of(record), from)
                                     : keyring.match_probe(log::probe_of(record), from),
                match);
    }
  }
  // An entry of another record, or on another server, is nobody's.
  const Bytes record = compose(groups[0], author, {R"({"o":1,"d":"x"})", 1, {}}, Form::tagged, random).value();
  for (size_t byte = 0; byte < log::kEntryBytes; ++byte) {
    Bytes entry(log::entry_of(record).begin(), log::entry_of(record).end());
    entry[byte] ^= 1;
    EXPECT_EQ(keyring.match_entry(entry), Keyring::kNone) << byte;
  }
}

// ---- with a server ----

class ClientIndex : public test::ClientWorld {
 protected:
  // 40 records in two segments and a tail; tagged and untagged messages of group_ at 3, 20 and 37.
  void fill() {
    noise(3);
    server_.add(message(group_, "first"));
    noise(12);
    server_.seal();
    noise(4);
    server_.add(message(group_, "second", {}, Form::untagged));
    noise(11);
    server_.seal();
    noise(5);
    server_.add(message(group_, "third"));
    noise(2);
  }
  std::vector<uint64_t> waiting(const Member& member) const {
    std::vector<uint64_t> positions;
    for (const auto& records : wanted(member).turns())
      for (const RecordWanted& record : records) positions.push_back(record.position);
    std::sort(positions.begin(), positions.end());
    return positions;
  }
  uint64_t row_before(uint64_t position) const {
    uint64_t row = 0;
    for (uint64_t p = 0; p < position; ++p) row += log::rows_of(server_.records[p].size(), server_.row_bytes);
    return row;
  }
  const IndexKnown& known(const Member& member) const { return member.store->profile().server(host_)->index; }
  // What retrieval does with a record, without retrieval.
  Verdict fetch(Member& member, uint64_t position, std::optional<Bytes> instead = {}) {
    const RecordWanted* const record = wanted(member).find(group_.id, position);
    EXPECT_NE(record, nullptr) << position;
    std::vector<Event> events;
    const Verdict verdict = judge_record(group_, *record, instead.value_or(server_.records[position]), events);
    EXPECT_TRUE(member.store->commit(events, kKeep));
    return verdict;
  }
  Member ann_ = make_member("ann");
};

TEST_F(ClientIndex, FindsTaggedAndUntaggedRecordsOfItsGroupsAndNoOthers) {
  fill();
  server_.add(message(other_, "not for ann"));
  join(ann_, group_);
  const auto report = read_index(ann_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->records, 41u);
  EXPECT_EQ(report->wanted, 3u);
  EXPECT_THAT(waiting(ann_), ElementsAre(3, 20, 37));
  EXPECT_EQ(known(ann_).sealed.position, 32u);
  EXPECT_EQ(known(ann_).reached.position, 41u);
  const RecordWanted* const second = wanted(ann_).find(group_.id, 20);
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(second->name.tagged);
  EXPECT_EQ(second->row, row_before(20));
  EXPECT_EQ(second->rows, log::rows_of(server_.records[20].size(), server_.row_bytes));
  for (const uint64_t position : {3, 20, 37}) EXPECT_EQ(fetch(ann_, position), Verdict::message);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third"));
  EXPECT_THAT(waiting(ann_), IsEmpty());
}

TEST_F(ClientIndex, WhatIsWantedSurvivesARestartAndARewriteOfTheJournal) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(read_index(ann_));
  EXPECT_EQ(fetch(ann_, 3, Bytes(200, 1)), Verdict::spoiled);
  EXPECT_EQ(fetch(ann_, 20), Verdict::message);
  const auto before = ann_.store->profile().events(true);
  reopen(ann_);
  EXPECT_EQ(ann_.store->profile().events(true), before);
  Profile rewritten;
  for (int round = 0; round < 2; ++round) {
    for (const Bytes& event : before) rewritten.apply(*decode_event(event));
    EXPECT_EQ(rewritten.events(true), before);
  }
  EXPECT_THAT(waiting(ann_), ElementsAre(3, 37));
  EXPECT_EQ(wanted(ann_).find(group_.id, 3)->tries, 1u);
  ASSERT_TRUE(ann_.store->forget_messages());
  EXPECT_THAT(waiting(ann_), IsEmpty());
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), ElementsAre(3, 20, 37));
}

TEST_F(ClientIndex, GoesOnAtTheBoundaryAndTakesTheTailFromItsStart) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(read_index(ann_));
  reopen(ann_);
  noise(1);
  server_.add(message(group_, "fourth"));
  server_.seal();
  noise(9);
  server_.targets.clear();
  const auto report = read_index(ann_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(server_.targets, ElementsAre("/v1/server", "/v1/segments", "/v1/index?from=32"));
  EXPECT_EQ(report->records, 19u);
  EXPECT_EQ(report->wanted, 1u);
  EXPECT_THAT(waiting(ann_), ElementsAre(3, 20, 37, 41));
  EXPECT_EQ(known(ann_).sealed.position, 40u);
  // A merge takes no boundary away.
  server_.merge_all();
  server_.targets.clear();
  ASSERT_TRUE(read_index(ann_));
  EXPECT_EQ(server_.targets.back(), "/v1/index?from=40");
}

// Found or not, spoiled or fetched, many groups or none: the server sees the same requests from who was here alike.
TEST_F(ClientIndex, TheServerSeesTheSameRequestsFromEverybody) {
  Member bob = make_member("bob"), eve = make_member("eve");
  join(ann_, group_);
  join(ann_, other_);
  join(bob, group_);
  for (int round = 0; round < 3; ++round) {
    fill();
    for (int i = 0; i < 5; ++i) server_.add(message(other_, "more"));
    std::vector<std::vector<std::string>> seen;
    for (Member* const member : {&ann_, &bob, &eve}) {
      server_.targets.clear();
      ASSERT_TRUE(read_index(*member));
      seen.push_back(server_.targets);
    }
    EXPECT_EQ(seen[0], seen[1]);
    EXPECT_EQ(seen[0], seen[2]);
    for (const uint64_t position : waiting(bob)) fetch(bob, position, Bytes(200, 1));
    reopen(bob);
  }
}

TEST_F(ClientIndex, WithNothingNewTheProfileDoesNotGrow) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(read_index(ann_));
  fetch(ann_, 3);
  fetch(ann_, 37, Bytes(200, 1));
  const Bytes before = *world_->disk().contents("ann/journal");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(read_index(ann_));
  EXPECT_EQ(*world_->disk().contents("ann/journal"), before);
}

TEST_F(ClientIndex, WhatIsKnownOtherwiseIsNotWanted) {
  fill();
  server_.add(seal(group_, author_, "{\"Text\":\"a member's nonsense\"}", Bytes(24, 1), Form::tagged));
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), IsEmpty()) << "the log was read";
  server_.add(message(group_, "fourth"));
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), ElementsAre(41));
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(waiting(ann_), IsEmpty()) << "and again";
  // A copy of what is known.
  server_.records.push_back(server_.records[20]);
  server_.records.push_back(server_.records[41]);
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), IsEmpty());
}

TEST_F(ClientIndex, WhatWePostedIsNotWanted) {
  Group mine = *create_group(host_, "mine", random_);
  join(ann_, mine);
  test::ScriptedDialer dialer = server_.dialer();
  ASSERT_TRUE(client_of(ann_, dialer).post(mine.id, "mine", Form::tagged));
  const auto report = read_index(ann_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->records, 1u);
  EXPECT_EQ(report->wanted, 0u);
}

// Whoever can post, or the server, repeats the probes of a group in front of junk: it costs three places, once.
TEST_F(ClientIndex, ReplayedProbesAreBounded) {
  join(ann_, group_);
  const Bytes honest = message(group_, "said", {}, Form::untagged);
  server_.add(honest);
  for (int i = 0; i < 2000; ++i) {
    Bytes junk = honest;
    junk.back() ^= 1;
    server_.add(std::move(junk));
  }
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), ElementsAre(0, 1, 2));
  EXPECT_EQ(fetch(ann_, 0), Verdict::message);
  EXPECT_THAT(waiting(ann_), IsEmpty());
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), IsEmpty());
}

TEST_F(ClientIndex, JoiningAGroupMakesTheNextOneLookAgain) {
  fill();
  server_.add(message(other_, "old"));
  join(ann_, group_);
  ASSERT_TRUE(read_index(ann_));
  for (const uint64_t position : {3, 20, 37}) fetch(ann_, position);
  join(ann_, other_);
  server_.targets.clear();
  ASSERT_TRUE(read_index(ann_));
  EXPECT_EQ(server_.targets.back(), "/v1/index?from=0");
  EXPECT_THAT(waiting(ann_), ElementsAre(40));
}

TEST_F(ClientIndex, WhatRetentionTookIsMissedNotWaitedFor) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(read_index(ann_));
  server_.retire();
  ASSERT_TRUE(read_index(ann_));
  EXPECT_THAT(waiting(ann_), ElementsAre(20, 37));
  const auto& missed = ann_.store->profile().server(host_)->missed;
  ASSERT_EQ(missed.size(), 1u);
  EXPECT_EQ(missed[0].from, 3u);
  EXPECT_EQ(missed[0].to, 4u);
  Member bob = make_member("bob");
  join(bob, group_);
  ASSERT_TRUE(read_index(bob));
  EXPECT_EQ(bob.store->profile().server(host_)->missed.at(0).to, 16u);
}

TEST_F(ClientIndex, AnInterruptionLosesNothing) {
  fill();
  for (size_t cut = 0; cut < 3000; cut += 37) {
    SCOPED_TRACE(cut);
    Member member = make_member("cut" + std::to_string(cut));
    join(member, group_);
    server_.cut_after = cut;
    const auto first = read_index(member);
    server_.cut_after = SIZE_MAX;
    EXPECT_TRUE(first || first.error().code == Errc::closed);
    reopen(member);
    EXPECT_THAT(known(member).sealed.position, testing::AnyOf(0, 16, 32));
    const auto second = read_index(member);
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_THAT(waiting(member), ElementsAre(3, 20, 37));
  }
}

// The next reading must see where the databases end.
TEST_F(ClientIndex, IsNotReadFromBehindTheDatabases) {
  fill();
  join(ann_, group_);
  const auto read = [&](uint64_t end_row) {
    test::ScriptedDialer dialer = server_.dialer();
    ServerLink link(dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"});
    const auto list = link.segments();
    IndexPull pull(*ann_.store, host_, *list, end_row);
    EXPECT_TRUE(pull.read(link, 40, kKeep));
    EXPECT_LE(pull.beyond(), 40u);
    return pull.beyond();
  };
  EXPECT_EQ(read(0), 0u);
  EXPECT_EQ(known(ann_).sealed, (IndexPlace{0, 0}));
  const uint64_t row = row_before(25);
  EXPECT_EQ(read(row), 25u);
  EXPECT_EQ(known(ann_).sealed.position, 16u);
  EXPECT_EQ(read(row), 25u);
  EXPECT_EQ(server_.targets.back(), "/v1/index?from=16");
  EXPECT_EQ(read(UINT64_MAX), 40u);
  EXPECT_EQ(known(ann_).sealed.position, 32u);
  EXPECT_EQ(read(row), 25u) << "other databases: from the beginning";
  EXPECT_EQ(server_.targets.back(), "/v1/index?from=0");
}

// ---- with a server that lies ----

class HostileIndex : public ClientIndex {
 protected:
  HostileIndex() { fill(); }
  Error lie(const std::string& target, const std::function<void(std::string& content)>& change,
            bool knows_the_past = false) {
    Member member = make_member("member" + std::to_string(members_++));
    join(member, group_);
    EXPECT_TRUE(!knows_the_past || read_index(member));
    server_.tamper = [&](const std::string& asked, std::string& answer) {
      if (!asked.starts_with(target)) return;
      std::string content = answer.substr(answer.find("\r\n\r\n") + 4);
      change(content);
      answer = content.starts_with("HTTP/") ? content : test::FakeServer::ok(content);
    };
    const auto told = read_index(member);
    server_.tamper = nullptr;
    EXPECT_FALSE(told) << "believed";
    reopen(member);
    EXPECT_EQ(known(member).reached.position, knows_the_past ? 40u : 0u) << "a lie became what is known";
    const auto honest = read_index(member);
    EXPECT_TRUE(honest) << honest.error().message();
    EXPECT_THAT(waiting(member), ElementsAre(3, 20, 37));
    return told ? Error{Errc::io, 0, "believed"} : told.error();
  }

 private:
  int members_ = 0;
};

TEST_F(HostileIndex, NoFlippedByteIsBelieved) {
  const size_t size = server_.index(0).size();
  for (size_t i = 0; i < size; i += 7) {
    SCOPED_TRACE(i);
    EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index[i] ^= 0x10; }).code, Errc::corrupt);
  }
}

TEST_F(HostileIndex, NoCutOrShorterIndexIsTakenForWhole) {
  const std::string whole = server_.index(0);
  for (size_t cut = 0; cut < whole.size(); cut += 13) {
    EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index.resize(cut); }).code, Errc::corrupt) << cut;
  }
  const std::string tail = server_.index(32), second = server_.index(16);
  const auto without_tail = [&](std::string& index) { index.resize(index.size() - tail.size()); };
  EXPECT_THAT(lie("/v1/index", without_tail).message(), HasSubstr("ends before"));
  EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index = second; }).code, Errc::corrupt);
  EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index += tail; }).code, Errc::corrupt);
  EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index += "x"; }).code, Errc::corrupt);
  EXPECT_EQ(lie("/v1/index", [&](std::string& index) { index.clear(); }).code, Errc::corrupt);
}

TEST_F(HostileIndex, WhatContradictsTheListOrThePastIsCorrupt) {
  // Blocks that do not end where a segment does.
  const auto shifted = [this](std::string& index) {
    index.clear();
    uint64_t row = 0;
    for (const auto& [first, end] : {std::pair<uint64_t, uint64_t>{0, 20}, {20, 40}}) {
      log::IndexBlockBuilder block({first}, row, server_.row_bytes, server_.hour);
      for (uint64_t p = first; p < end; ++p) block.add(server_.records[p]);
      index += text_of(block.bytes());
      row += block.rows();
    }
  };
  EXPECT_THAT(lie("/v1/index", shifted).message(), HasSubstr("tail begins"));
  const auto other_rows = [this](std::string& index) {
    server_.row_bytes = 1024;
    index = server_.index(32);
    server_.row_bytes = log::kRowBytesDefault;
  };
  EXPECT_EQ(lie("/v1/index", other_rows, true).code, Errc::corrupt);
  // One row more in the tail, at the last record: found by the next one.
  const auto more_rows = [this](std::string& index) {
    log::IndexBlockBuilder block({32}, row_before(32), server_.row_bytes);
    for (uint64_t p = 32; p < 39; ++p) block.add(server_.records[p]);
    block.add(Bytes(log::kRecordBytesMax, 1));
    index = text_of(block.bytes());
  };
  EXPECT_THAT(lie("/v1/index", more_rows, true).message(), HasSubstr("served before"));
  const auto shorter = [](std::string& document) {
    auto json = nlohmann::json::parse(document);
    json["log"]["committed_end"] = 39;
    document = json.dump();
  };
  EXPECT_THAT(lie("/v1/server", shorter, true).message(), HasSubstr("shorter than it was"));
}

TEST_F(HostileIndex, AnswersThatAreNone) {
  const auto code = [&](const std::string& answer) {
    return lie("/v1/index", [&](std::string& content) { content = answer; }).code;
  };
  EXPECT_EQ(code(test::FakeServer::problem(503, "busy")), Errc::busy);
  EXPECT_EQ(code(test::FakeServer::problem(410, "gone")), Errc::gone);
  EXPECT_EQ(code(test::FakeServer::problem(403, "position-not-served")), Errc::denied);
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\n\r\nwithout a length"), Errc::malformed);
}

}  // namespace
}  // namespace cwtch::client
