#include "engine/board/board.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "engine/core/random.hpp"

namespace cwtch {
namespace {

using board::Board;
using board::Post;

// A log that answers when the test says so.
class FakeGate final : public board::LogGate {
 public:
  void append(log::Append& append, ByteView record, void (*callback)(void*, log::Append&), void* owner) override {
    append.callback = callback;
    append.owner = owner;
    append.in_flight = true;
    records.emplace_back(record.begin(), record.end());
    waiting.push_back(&append);
  }
  bool read_only() const override { return is_read_only; }

  void answer(Result<log::Append::Done> result) {
    log::Append& append = *waiting.front();
    waiting.pop_front();
    append.result = std::move(result);
    append.in_flight = false;
    append.callback(append.owner, append);
  }

  bool is_read_only = false;
  std::vector<Bytes> records;
  std::deque<log::Append*> waiting;
};

class PaidAdmission final : public board::Admission {
 public:
  const char* name() const override { return "paid"; }
  Status admit(ByteView credential, ByteView) override {
    ++asked;
    if (text_of(credential) != "coin") return fail(Errc::denied, "post: no coin");
    return {};
  }
  int asked = 0;
};

Bytes make_record(size_t ciphertext_bytes = 100, uint64_t seed = 1) {
  Bytes record(log::kSignatureBytes + log::kEntryBytes + ciphertext_bytes);
  SeededRandom(seed).fill(record);
  std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
  return record;
}

struct Client {
  Post post;
  int answers = 0;
  static void done(void* owner, Post&) { ++static_cast<Client*>(owner)->answers; }
};

struct BoardTest : testing::Test {
  FakeGate gate;
  board::OpenAdmission open;
  Board board{gate, open, {.posts_in_flight_max = 2}};
  Client client;

  void post(const Bytes& record, std::string_view credential = {}) {
    board.post(client.post, record, bytes_of(credential), Client::done, &client);
  }
  Errc refused(const Bytes& record) {
    const int before = client.answers;
    const size_t asked = gate.records.size();
    post(record);
    EXPECT_EQ(client.answers, before + 1);
    EXPECT_EQ(gate.records.size(), asked) << "the log was asked for a record that the board refuses";
    return client.post.result ? Errc::closed : client.post.result.error().code;
  }
};

TEST_F(BoardTest, ARecordGoesToTheLogAndItsAnswerComesBack) {
  const Bytes record = make_record();
  post(record);
  EXPECT_EQ(client.answers, 0);
  EXPECT_TRUE(client.post.in_flight());
  EXPECT_FALSE(board.idle());
  ASSERT_EQ(gate.records.size(), 1u);
  EXPECT_EQ(gate.records[0], record);
  gate.answer(log::Append::Done{{41}, false});
  EXPECT_EQ(client.answers, 1);
  EXPECT_EQ(client.post.result->position.value, 41u);
  EXPECT_FALSE(client.post.result->repeated);
  EXPECT_TRUE(board.idle());

  post(record);
  gate.answer(log::Append::Done{{41}, true});
  EXPECT_TRUE(client.post.result->repeated);
  EXPECT_EQ(board.statistics().accepted, 1u);
  EXPECT_EQ(board.statistics().repeated, 1u);
}

TEST_F(BoardTest, ErrorsOfTheLogReachThePost) {
  for (const Errc code : {Errc::conflict, Errc::busy, Errc::read_only, Errc::io}) {
    post(make_record());
    gate.answer(fail(code, "log: says no"));
    EXPECT_EQ(client.post.result.error().code, code);
  }
  EXPECT_EQ(board.statistics().conflicts, 1u);
  EXPECT_EQ(board.statistics().busy, 1u);
  EXPECT_EQ(board.statistics().read_only, 1u);
  EXPECT_EQ(board.statistics().failed, 1u);
}

TEST_F(BoardTest, SizesAreBounded) {
  EXPECT_EQ(refused({}), Errc::malformed);
  EXPECT_EQ(refused(make_record(log::kCiphertextBytesMin - 1)), Errc::malformed);
  EXPECT_EQ(refused(make_record(log::kCiphertextBytesMax + 1)), Errc::too_large);
  for (const size_t size : {log::kCiphertextBytesMin, log::kCiphertextBytesMax}) {
    post(make_record(size));
    gate.answer(log::Append::Done{{0}, false});
    EXPECT_TRUE(client.post.result);
  }
}

// Zero entries and entries made for the record are taken; any other would let a stranger fill a group's slots.
TEST_F(BoardTest, AnEntryBelongsToItsRecord) {
  Bytes record = make_record();
  const auto hash = log::record_hash(log::signature_of(record), log::ciphertext_of(record));
  std::copy(hash.begin(), hash.end(), record.begin() + log::kSignatureBytes);
  record[log::kSignatureBytes + 8] = 0x77;  // the tag is the members' secret: any value
  EXPECT_TRUE(board::check_form(record));
  for (size_t i = 0; i < 8; ++i) {
    Bytes other = record;
    other[log::kSignatureBytes + i] ^= 1;
    EXPECT_EQ(refused(other), Errc::malformed);
  }
  for (const size_t place : {size_t{0}, log::kSignatureBytes + log::kEntryBytes, record.size() - 1}) {
    Bytes other = record;
    other[place] ^= 1;
    EXPECT_EQ(refused(other), Errc::malformed) << place;
  }
  Bytes tag_only = make_record();
  tag_only[log::kSignatureBytes + 15] = 1;
  EXPECT_EQ(refused(tag_only), Errc::malformed);
}

// SHA-256("cwtch-entry" ‖ 64 × 01 ‖ 40 × 02), first eight bytes, computed with another implementation (Python hashlib).
TEST(RecordHash, KnownAnswer) {
  EXPECT_EQ(to_hex(log::record_hash(Bytes(64, 1), Bytes(40, 2))), "5b68c99da695db02");
  EXPECT_EQ(to_hex(log::record_hash(Bytes(64, 1), Bytes(40, 2))), "5b68c99da695db02") << "one after the other";
}

TEST_F(BoardTest, AReadOnlyLogIsNotAsked) {
  gate.is_read_only = true;
  EXPECT_EQ(refused(make_record()), Errc::read_only);
  gate.is_read_only = false;
  post(make_record());
  gate.answer(log::Append::Done{{0}, false});
  EXPECT_TRUE(client.post.result);
}

TEST_F(BoardTest, PostsInFlightAreBounded) {
  Client second;
  Client third;
  post(make_record(100, 1));
  board.post(second.post, make_record(100, 2), {}, Client::done, &second);
  board.post(third.post, make_record(100, 3), {}, Client::done, &third);
  EXPECT_EQ(third.answers, 1);
  EXPECT_EQ(third.post.result.error().code, Errc::busy);
  gate.answer(log::Append::Done{{0}, false});
  board.post(third.post, make_record(100, 3), {}, Client::done, &third);
  EXPECT_TRUE(third.post.in_flight());
  gate.answer(log::Append::Done{{1}, false});
  gate.answer(log::Append::Done{{2}, false});
  EXPECT_TRUE(board.idle());
}

TEST_F(BoardTest, DrainingRefusesTheNewAndFinishesTheOld) {
  post(make_record());
  board.drain();
  Client late;
  board.post(late.post, make_record(100, 2), {}, Client::done, &late);
  EXPECT_EQ(late.post.result.error().code, Errc::busy);
  EXPECT_FALSE(board.idle());
  gate.answer(log::Append::Done{{0}, false});
  EXPECT_TRUE(client.post.result);
  EXPECT_TRUE(board.idle());
}

// What costs a client something is asked only when nothing cheaper refuses the record.
TEST(BoardAdmission, IsAskedLast) {
  FakeGate gate;
  PaidAdmission paid;
  Board board(gate, paid, {});
  Client client;
  const auto post = [&](const Bytes& record, std::string_view credential) {
    board.post(client.post, record, bytes_of(credential), Client::done, &client);
  };
  post(make_record(10), "coin");
  gate.is_read_only = true;
  post(make_record(), "coin");
  EXPECT_EQ(paid.asked, 0);
  gate.is_read_only = false;
  post(make_record(), "");
  EXPECT_EQ(client.post.result.error().code, Errc::denied);
  EXPECT_EQ(board.statistics().denied, 1u);
  post(make_record(), "coin");
  EXPECT_TRUE(client.post.in_flight());
  gate.answer(log::Append::Done{{0}, false});
}

}  // namespace
}  // namespace cwtch
