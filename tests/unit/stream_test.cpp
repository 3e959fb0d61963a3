// Cursors and the feed over a reader that says busy whenever it likes, and a socket that takes what it likes.
#include <gtest/gtest.h>

#include <charconv>
#include <set>

#include "engine/core/random.hpp"
#include "engine/log/frame.hpp"
#include "engine/stream/cursor.hpp"

namespace cwtch::stream {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;

// A log that is a string of bytes in memory; views end at multiples of kChunkBytes and at what is committed.
class FakeReader final : public log::Reader {
 public:
  explicit FakeReader(uint64_t seed) : random(seed), bytes_(4 << 20) { random.fill(bytes_); }

  void populate() override {}
  void stop_populating() override {}
  void refresh() override {}
  log::Shared::Committed committed() const override { return {{committed_offset / 100}, committed_offset}; }
  log::Position first_retained() const override { return {0}; }
  const log::Layout& layout() const override { return layout_; }
  Result<uint64_t> boundary(log::Position) const override { return fail(Errc::not_found, "fake"); }
  void find_boundary(log::Fetch&, log::Position, void (*)(void*, log::Fetch&), void*) override { CHECK(false); }
  void find(log::Fetch&, log::Position, void (*)(void*, log::Fetch&), void*) override { CHECK(false); }

  Result<log::View> view(uint64_t offset, size_t size_max) override {
    CHECK(offset <= committed_offset);
    if (offset == committed_offset) return log::View();
    if (offset == broken_offset) return fail(Errc::corrupt, "fake", offset);
    if (busy_one_in > 0 && !here_.contains(offset / kChunkBytes) && random.below(busy_one_in) == 0) {
      return fail(Errc::busy, "fake");
    }
    const uint64_t chunk_end = (offset / kChunkBytes + 1) * kChunkBytes;
    const uint64_t end = std::min({chunk_end, committed_offset, offset + size_max});
    return make_view(ByteView(bytes_).subspan(offset, end - offset), nullptr, 0, nullptr);
  }
  void fetch(log::Fetch& fetch, uint64_t offset, void (*callback)(void*, log::Fetch&), void* owner) override {
    CHECK(!fetch.in_flight);
    fetch.in_flight = true;
    fetch.callback = callback;
    fetch.owner = owner;
    fetch.offset = offset;
    waiting_.push_back(fetch);
  }
  void cancel(log::Fetch& fetch) override {
    fetch.unlink();
    fetch.in_flight = false;
  }
  // What was asked for has come.
  void deliver() {
    List<log::Fetch> due;
    due.splice_back(waiting_);
    while (!due.empty()) {
      log::Fetch& fetch = due.pop_front();
      here_.insert(fetch.offset / kChunkBytes);
      fetch.in_flight = false;
      fetch.callback(fetch.owner, fetch);
    }
  }
  const std::string& damaged_file() const override { return file_; }
  Result<log::View> view_file(const log::Segment&, uint64_t offset, size_t size) override { return view(offset, size); }
  void fetch_file(log::Fetch& f, const log::Segment&, uint64_t offset, void (*callback)(void*, log::Fetch&),
                  void* owner) override {
    fetch(f, offset, callback, owner);
  }
  // The sealed index is the same bytes.
  Result<IndexRange> index(log::Position, IndexEnd) override { return fail(Errc::not_found, "fake"); }
  void find_index(log::Fetch&, log::Position, void (*)(void*, log::Fetch&), void*) override { CHECK(false); }
  Result<log::View> view_index(uint64_t offset, size_t size) override { return view(offset, size); }
  void fetch_index(log::Fetch& f, uint64_t offset, void (*callback)(void*, log::Fetch&), void* owner) override {
    fetch(f, offset, callback, owner);
  }
  Result<log::View> view_index_file(const log::Segment&, uint64_t offset, size_t size) override {
    return view(offset, size);
  }
  void fetch_index_file(log::Fetch& f, const log::Segment&, uint64_t offset, void (*callback)(void*, log::Fetch&),
                        void* owner) override {
    fetch(f, offset, callback, owner);
  }
  Statistics statistics() const override { return {}; }
  size_t pinned() const override { return 0; }
  bool idle() const override { return true; }

  ByteView content(uint64_t offset, uint64_t end) const { return ByteView(bytes_).subspan(offset, end - offset); }

  SeededRandom random;
  uint64_t committed_offset = 0;
  uint64_t broken_offset = UINT64_MAX;
  uint64_t busy_one_in = 0;

 private:
  void unpin(uint32_t) override {}

  Bytes bytes_;
  List<log::Fetch> waiting_;
  std::set<uint64_t> here_;
  log::Layout layout_;
  std::string file_ = "fake";
};

// Pulls from a cursor as a connection would, and takes as much of each piece as a socket might.
class Client final : public Cursor::Owner {
 public:
  Client(FakeReader& reader, Feed& feed) : cursor(reader, feed, *this), reader_(reader) {}
  void cursor_ready() override { ready = true; }

  // False: nothing now.
  bool pull() {
    ready = false;
    const Result<Cursor::Piece> piece = cursor.pull();
    if (!piece) {
      error = piece.error().code;
      cursor.close();
      return false;
    }
    if (piece->bytes.empty()) return false;
    const size_t taken = reader_.random.below(piece->bytes.size() + 1);
    received.insert(received.end(), piece->bytes.begin(), piece->bytes.begin() + static_cast<ptrdiff_t>(taken));
    cursor.sent(taken);
    return true;
  }

  Cursor cursor;
  Bytes received;
  bool ready = true;
  std::optional<Errc> error;

 private:
  FakeReader& reader_;
};

struct Chunked {
  Bytes data;
  size_t heartbeats = 0;
  bool ended = false;
};

// Takes the chunked coding apart; chunks that are a filler of 16 bytes are heartbeats.
Chunked unchunk(const Bytes& bytes) {
  Chunked result;
  std::string_view text = text_of(bytes);
  while (!text.empty()) {
    const size_t line = text.find("\r\n");
    EXPECT_NE(line, text.npos);
    size_t size = 0;
    std::from_chars(text.data(), text.data() + line, size, 16);
    const ByteView data = bytes_of(text.substr(line + 2, size));
    EXPECT_EQ(text.substr(line + 2 + size, 2), "\r\n");
    uint8_t filler[16];
    const bool heartbeat = size == 16 && log::write_filler(filler, {load_le<uint64_t>(data.data() + 8)}, 16) == 16 &&
                           equal_vartime(data, filler);
    if (heartbeat) {
      ++result.heartbeats;
    } else {
      result.data.insert(result.data.end(), data.begin(), data.end());
    }
    result.ended = size == 0;
    text.remove_prefix(line + 2 + size + 2);
  }
  return result;
}

// A range is exactly its bytes, however often they are not there yet and however little the socket takes.
TEST(Cursor, RangesAreTheirBytes) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    FakeReader reader(seed);
    reader.committed_offset = 3 << 20;
    reader.busy_one_in = 3;
    Feed feed(reader);
    Client client(reader, feed);
    const uint64_t offset = reader.random.below(1 << 20), end = offset + reader.random.below(2 << 20);
    if (seed % 4 == 0) {
      client.cursor.open_range(offset, end);
    } else if (seed % 4 == 1) {
      auto segment = std::make_shared<log::Segment>();
      segment->index.bytes = reader.committed_offset;
      client.cursor.open_index_file(segment, offset, end);
    } else {
      auto segment = std::make_shared<log::Segment>();
      segment->file_bytes = reader.committed_offset;
      client.cursor.open_file(segment, offset, end);
    }
    while (!client.cursor.done()) {
      if (!client.pull()) reader.deliver();
    }
    EXPECT_TRUE(equal_vartime(client.received, reader.content(offset, end)));
  }
}

// Damage ends an answer where it is; nothing of it is sent.
// What is sealed comes from the reader; then the tail's blocks, as they were when the answer began.
TEST(Cursor, AnIndexIsWhatIsSealedAndThenTheTail) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    FakeReader reader(seed);
    reader.committed_offset = 3 << 20;
    reader.busy_one_in = 3;
    Feed feed(reader);
    Client client(reader, feed);
    const uint64_t offset = reader.random.below(1 << 20);
    const uint64_t sealed_end = seed % 5 == 0 ? offset : offset + reader.random.below(1 << 20);
    Bytes tail(seed % 7 == 0 ? 0 : 1 + reader.random.below(1 << 20));
    if (offset == sealed_end && tail.empty()) tail.resize(48);
    reader.random.fill(tail);
    client.cursor.open_index({offset, sealed_end, std::make_shared<const Bytes>(tail), {1}});
    const Result<bool> ready = client.cursor.prepare();
    ASSERT_TRUE(ready);
    while (!client.cursor.done()) {
      if (!client.pull()) reader.deliver();
    }
    Bytes expected(reader.content(offset, sealed_end).begin(), reader.content(offset, sealed_end).end());
    expected.insert(expected.end(), tail.begin(), tail.end());
    EXPECT_EQ(client.received, expected);
  }
}

TEST(Cursor, DamageEndsTheAnswer) {
  FakeReader reader(1);
  reader.committed_offset = 1 << 20;
  reader.broken_offset = 2 * kChunkBytes;
  Feed feed(reader);
  Client client(reader, feed);
  client.cursor.open_range(0, reader.committed_offset);
  ASSERT_TRUE(client.cursor.prepare());
  while (!client.error) client.pull();
  EXPECT_EQ(*client.error, Errc::corrupt);
  EXPECT_TRUE(equal_vartime(client.received, reader.content(0, 2 * kChunkBytes)));
  client.cursor.open_range(2 * kChunkBytes, reader.committed_offset);
  EXPECT_EQ(client.cursor.prepare().error().code, Errc::corrupt);
  client.cursor.close();
}

// Followers that take little, with news at any time and heartbeats between, get the log and nothing else; also when no
// shared block is to be had, from the start or in the middle of a chunk.
TEST(Cursor, FollowersGetTheLog) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    FakeReader reader(seed);
    reader.busy_one_in = seed % 3 == 0 ? 4 : 0;
    Feed feed(reader);
    std::vector<BlockRef> taken;
    Client client(reader, feed);
    const uint64_t start = reader.random.below(100) * 16;
    reader.committed_offset = start;
    feed.publish();
    client.cursor.open_follow(start);
    size_t heartbeats = 0;
    for (int step = 0; step < 300; ++step) {
      switch (reader.random.below(4)) {
        case 0:  // news: small ones mostly
          reader.committed_offset += 16 * (1 + reader.random.below(step % 10 == 0 ? 6000 : 300));
          feed.publish();
          break;
        case 1:
          heartbeats += client.cursor.waits() ? 1 : 0;
          client.cursor.heartbeat();
          break;
        case 2:  // the blocks go, or come back
          if (!taken.empty()) {
            taken.clear();
          } else if (seed % 2 == 0) {
            for (uint64_t i = 0; i < Feed::kBlocksMax; ++i) {
              if (BlockRef block = feed.framed((1ull << 40) + i, reader.content(0, 16)))
                taken.push_back(std::move(block));
            }
          }
          break;
        default:
          for (int i = 0; i < 5 && client.pull(); ++i) {
          }
          reader.deliver();
      }
    }
    taken.clear();
    while (!client.cursor.waits()) {
      if (!client.pull()) reader.deliver();
    }
    while (client.pull()) {  // a heartbeat may be due
    }
    EXPECT_TRUE(feed.has_waiters());
    client.cursor.finish();
    EXPECT_FALSE(feed.has_waiters());
    while (!client.cursor.done()) client.pull();
    const Chunked got = unchunk(client.received);
    EXPECT_TRUE(got.ended);
    EXPECT_TRUE(equal_vartime(got.data, reader.content(start, reader.committed_offset)));
    EXPECT_LE(got.heartbeats, heartbeats);
  }
}

// News wakes those who wait, once; who has left is not woken.
TEST(Feed, WakesOnce) {
  FakeReader reader(1);
  Feed feed(reader);
  Client a(reader, feed), b(reader, feed);
  for (Client* const client : {&a, &b}) {
    client->cursor.open_follow(0);
    EXPECT_FALSE(client->pull());
    EXPECT_FALSE(client->ready);
  }
  feed.publish();
  EXPECT_FALSE(a.ready) << "nothing has moved";
  b.cursor.close();
  reader.committed_offset = 160;
  feed.publish();
  EXPECT_TRUE(a.ready);
  EXPECT_FALSE(b.ready);
  EXPECT_FALSE(feed.has_waiters());
  a.cursor.close();
}

// A thousand followers of one record send the same block, which goes when the last one is done with it.
TEST(Feed, OneBlockForAll) {
  FakeReader reader(1);
  reader.committed_offset = 1600;
  Feed feed(reader);
  const BlockRef first = feed.framed(0, reader.content(0, 1600));
  std::vector<BlockRef> others;
  for (int i = 0; i < 1000; ++i) others.push_back(feed.framed(0, reader.content(0, 1600)));
  for (const BlockRef& other : others) EXPECT_EQ(other.bytes().data(), first.bytes().data());
  const BlockRef next = feed.framed(1600, reader.content(0, 16));
  EXPECT_NE(next.bytes().data(), first.bytes().data());
  EXPECT_EQ(text_of(next.bytes()).substr(0, 4), "10\r\n");
}

}  // namespace
}  // namespace cwtch::stream
