// However many shards a server has, it keeps the same log; and what a client is told is what the log holds.
#include <gtest/gtest.h>

#include <map>

#include "engine/log/frame.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/server_world.hpp"

namespace cwtch::test {
namespace {

server::Config small_config(uint64_t shards) {
  server::Config config;
  config.shards = shards;
  config.writer_shard = shards - 1;
  config.cache_bytes = 1 << 20;
  config.chunk_bytes = 16 << 10;
  config.journal_files = 3;
  config.journal_file_bytes = 256 << 10;
  config.group_bytes_max = 64 << 10;
  config.seal_records = 40;
  return config;
}

Bytes make_record(uint64_t number, size_t size) {
  Bytes record(log::kRecordBytesMin + size);
  SeededRandom(number).fill(record);
  std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
  return record;
}

uint64_t position_of(const SimClient::Answer& answer) {
  const std::string_view text = text_of(answer.body);
  constexpr std::string_view kName = "\"position\":";
  const size_t at = text.find(kName);
  CHECK(at != text.npos);
  uint64_t position = 0;
  std::from_chars(text.data() + at + kName.size(), text.data() + text.size(), position);
  return position;
}

// The whole log, as a client gets it.
Bytes download(ServerWorld& world) {
  Bytes log;
  bool done = false;
  world.connect().get("/v1/log", [&](const SimClient::Answer& answer) {
    EXPECT_EQ(answer.status, 200);
    log = answer.body;
    done = true;
  });
  EXPECT_TRUE(world.run_until([&] { return done; }));
  return log;
}

std::map<uint64_t, Bytes> records_of(ByteView log) {
  std::map<uint64_t, Bytes> records;
  log::FrameWalker walker(log, {0});
  while (true) {
    const auto frame = walker.next();
    CHECK(frame.has_value());
    if (!*frame) break;
    if ((*frame)->kind == log::FrameKind::record)
      records[(*frame)->position.value] = Bytes((*frame)->payload.begin(), (*frame)->payload.end());
  }
  CHECK(walker.rest().empty());
  return records;
}

// Posts that follow each other give the same bytes, whichever shard each goes to.
TEST(ServerShards, TheLogDoesNotDependOnTheirNumber) {
  Bytes expected;
  for (uint64_t shards = 1; shards <= 8; ++shards) {
    SCOPED_TRACE(shards);
    ServerWorld world(shards, small_config(shards));
    std::vector<SimClient*> clients;
    for (int i = 0; i < 8; ++i) clients.push_back(&world.connect());
    for (uint64_t i = 0; i < 100; ++i) {
      bool done = false;
      clients[i % clients.size()]->post(make_record(i, i * 20), [&](const SimClient::Answer& answer) {
        EXPECT_EQ(answer.status, 201);
        EXPECT_EQ(position_of(answer), i);
        done = true;
      });
      ASSERT_TRUE(world.run_until([&] { return done; }));
    }
    const Bytes log = download(world);
    ASSERT_EQ(records_of(log).size(), 100u);
    if (shards == 1) expected = log;
    EXPECT_TRUE(equal_vartime(log, expected));
  }
}

// Posts at the same time, over connections that break and sends that arrive in pieces: every position that was told
// holds that record, once, and each client's records lie in the order in which it posted them.
TEST(ServerShards, WhatClientsAreToldIsInTheLog) {
  for (uint64_t seed = 1; seed <= often(200); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const uint64_t shards = 1 + seed % 8;
    ServerWorld world(seed, small_config(shards));
    constexpr uint64_t kClients = 12, kPosts = 15;
    std::map<uint64_t, Bytes> told;
    std::vector<std::vector<uint64_t>> by_client(kClients);
    std::function<void(SimClient&, uint64_t, uint64_t)> post_next = [&](SimClient& client, uint64_t c, uint64_t i) {
      if (i == kPosts) return;
      const Bytes record = make_record(seed << 20 | c << 10 | i, 40 * i + c);
      client.post(record, [&, c, i, record](const SimClient::Answer& answer) {
        ASSERT_EQ(answer.status, 201);
        told[position_of(answer)] = record;
        by_client[c].push_back(position_of(answer));
        post_next(client, c, i + 1);
      });
    };
    for (uint64_t c = 0; c < kClients; ++c) post_next(world.connect(), c, 0);
    ASSERT_TRUE(world.run_until([&] { return told.size() == kClients * kPosts; }));
    EXPECT_TRUE(records_of(download(world)) == told);
    for (const auto& positions : by_client) EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
  }
}

// While clients post and leave, the server stops: it drains, and everything that was acknowledged is in the log.
TEST(ServerShards, StopWhilePostingLosesNothingAcknowledged) {
  for (uint64_t seed = 1; seed <= often(100); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ServerWorld world(seed, small_config(1 + seed % 4));
    uint64_t acknowledged = 0, highest = 0;
    std::function<void(SimClient&, uint64_t, uint64_t)> post_next = [&](SimClient& client, uint64_t c, uint64_t i) {
      client.post(make_record(seed << 20 | c << 10 | i, 100), [&, c, i](const SimClient::Answer& answer) {
        if (answer.status != 201) return;
        acknowledged += 1;
        highest = std::max(highest, position_of(answer));
        post_next(client, c, i + 1);
      });
    };
    for (uint64_t c = 0; c < 6; ++c) post_next(world.connect(), c, 0);
    ASSERT_TRUE(world.run_until([&] { return acknowledged >= 30 + seed; }));
    world.stop();
    EXPECT_GE(world.log().committed().end.value, std::max(acknowledged, highest + 1));
  }
}

// Decodes the chunked coding as it comes.
class Unchunker {
 public:
  void feed(ByteView bytes) {
    text_ += text_of(bytes);
    if (!head_seen_) {
      const size_t end = text_.find("\r\n\r\n");
      if (end == text_.npos) return;
      EXPECT_TRUE(text_.starts_with("HTTP/1.1 200")) << text_;
      text_.erase(0, end + 4);
      head_seen_ = true;
    }
    while (true) {
      const size_t line = text_.find("\r\n");
      if (line == text_.npos) return;
      size_t size = 0;
      std::from_chars(text_.data(), text_.data() + line, size, 16);
      if (text_.size() < line + 2 + size + 2) return;
      EXPECT_EQ(text_.substr(line + 2 + size, 2), "\r\n");
      const ByteView data = bytes_of(text_).subspan(line + 2, size);
      content.insert(content.end(), data.begin(), data.end());
      ended = size == 0;
      text_.erase(0, line + 2 + size + 2);
    }
  }
  Bytes content;
  bool ended = false;

 private:
  std::string text_;
  bool head_seen_ = false;
};

// Followers on all shards, through a network that delivers in pieces and stalls: each gets every record once, in order,
// and at the end of the server the proper end of its answer.
TEST(ServerShards, FollowersGetEverything) {
  for (uint64_t seed = 1; seed <= often(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::Faults faults;
    faults.network.stall = 0.01;
    faults.network.busy = 0.2;
    server::Config config = small_config(1 + seed % 4);
    if (seed % 2 == 0) config.chunk_bytes = 64 << 10;  // chunks too long to be shared among followers
    ServerWorld world(seed, config, faults);
    std::vector<Unchunker> followers(8);
    for (Unchunker& follower : followers) {
      world.connect().ask_raw("GET /v1/log?follow HTTP/1.1\r\nHost: sim\r\n\r\n",
                              [&](ByteView bytes) { follower.feed(bytes); });
    }
    uint64_t posted = 0;
    std::map<uint64_t, Bytes> told;
    SimClient& poster = world.connect();
    std::function<void()> post_next = [&] {
      const Bytes record = make_record(seed << 20 | posted, 5000 * (posted % 2) + posted);
      poster.post(record, [&, record](const SimClient::Answer& answer) {
        ASSERT_EQ(answer.status, 201);
        told[position_of(answer)] = record;
        if (++posted < 100) post_next();
      });
    };
    post_next();
    const size_t all = 100;
    ASSERT_TRUE(world.run_until([&] {
      return told.size() == all && std::all_of(followers.begin(), followers.end(), [&](const Unchunker& f) {
               return f.content.size() >= world.log().committed().offset;
             });
    }));
    world.stop();
    for (const Unchunker& follower : followers) {
      EXPECT_TRUE(records_of(follower.content) == told);
      EXPECT_TRUE(follower.ended);
    }
  }
}

// Connections are reset at any moment and descriptors run out: clients that try again succeed, every acknowledged
// record is there exactly once, and when all have gone nothing is left open.
TEST(ServerShards, BrokenConnectionsLeaveNothing) {
  for (uint64_t seed = 1; seed <= often(60); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    sim::Faults faults;
    faults.network.reset = 0.02;
    faults.network.accept_error = 0.2;
    ServerWorld world(seed, small_config(1 + seed % 4), faults);
    std::map<uint64_t, Bytes> told;
    constexpr uint64_t kClients = 6, kPosts = 10;
    struct Poster {
      SimClient* client = nullptr;
      uint64_t next = 0;
      bool waiting = false;
    };
    std::vector<Poster> posters(kClients);
    ASSERT_TRUE(world.run_until([&] {
      for (uint64_t c = 0; c < kClients; ++c) {
        Poster& poster = posters[c];
        if (poster.next == kPosts) continue;
        if (poster.client == nullptr || poster.client->over()) {
          poster.client = &world.connect();
          poster.waiting = false;
        }
        if (poster.waiting) continue;
        poster.waiting = true;
        const Bytes record = make_record(seed << 20 | c << 10 | poster.next, 300);
        poster.client->post(record, [&, record](const SimClient::Answer& answer) {
          ASSERT_TRUE(answer.status == 201 || answer.status == 200);
          told[position_of(answer)] = record;
          poster.waiting = false;
          poster.next += 1;
        });
      }
      return told.size() == kClients * kPosts;
    }));
    world.stop();
    EXPECT_EQ(world.log().committed().end.value, kClients * kPosts);
    EXPECT_EQ(world.open_connections(), 0u);
    EXPECT_EQ(world.world().network().open_sockets(), 0u);
  }
}

}  // namespace
}  // namespace cwtch::test
