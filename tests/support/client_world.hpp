// Members of groups on a fake server, with their profiles in memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "engine/client/client.hpp"
#include "engine/client/conversation.hpp"
#include "engine/sim/world.hpp"
#include "tests/support/fake_server.hpp"

namespace cwtch::test {

class ClientWorld : public testing::Test {
 protected:
  struct Member {
    std::unique_ptr<client::Store> store;
    std::string directory;
  };

  virtual io::Files& files() { return world_->files(); }
  static uint64_t now_s() { return 1'700'000'000; }
  // What a client waited in all.
  static inline uint32_t paused_ms = 0;
  static void pause_ms(uint32_t milliseconds) { paused_ms += milliseconds; }

  Member make_member(const std::string& directory) {
    auto store = client::Store::create(files(), random_, directory);
    EXPECT_TRUE(store) << store.error().message();
    Member member{std::move(*store), directory};
    EXPECT_TRUE(member.store->commit(client::only(client::ServerAdded{host_, "http://127.0.0.1:1"}), kKeep));
    return member;
  }
  // Not by its invite, whose id takes milliseconds to compute.
  void join(Member& member, const client::Group& group) {
    client::GroupJoined joined{{group.id, group.key.clone(), group.server, group.name}};
    EXPECT_TRUE(member.store->commit(client::only(std::move(joined)), kKeep));
  }
  // As after a restart of the program.
  void reopen(Member& member) {
    member.store.reset();
    auto store = client::Store::open(files(), random_, member.directory);
    ASSERT_TRUE(store) << store.error().message();
    member.store = std::move(*store);
  }
  client::Client client_of(Member& member, client::Dialer& dialer, bool allow_leaky = false) {
    return client::Client(*member.store, random_, dialer, {"127.0.0.1", 1, "", "127.0.0.1:1"}, host_,
                          {.allow_leaky = allow_leaky, .now_s = &now_s, .pause_ms = &pause_ms});
  }
  Result<client::SyncReport> sync(Member& member, client::Scheme scheme = client::Scheme::full, bool leaky = false) {
    ScriptedDialer dialer = server_.dialer();
    return client_of(member, dialer, leaky).sync(scheme, nullptr);
  }
  Result<client::IndexReport> read_index(Member& member) {
    ScriptedDialer dialer = server_.dialer();
    return client_of(member, dialer).read_index();
  }
  const client::WantedQueue& wanted(const Member& member) const {
    return member.store->profile().server(host_)->wanted;
  }
  std::vector<std::string> texts(const Member& member, const client::Group& group) {
    std::vector<std::string> texts;
    for (const client::Line& line : client::conversation(*member.store->profile().group(group.id)))
      texts.push_back(line.text);
    return texts;
  }

  // A message of `author`, as another member's client would post it.
  Bytes message(const client::Group& group, const std::string& text, std::optional<client::Signature> previous = {},
                client::Form form = client::Form::tagged) {
    const std::string overlay = "{\"o\":1,\"d\":\"" + text + "\"}";
    return client::compose(group, author_, {overlay, now_s(), previous}, form, random_).value();
  }
  static client::Signature signature_of(const Bytes& record) {
    client::Signature signature;
    std::copy_n(record.begin(), signature.size(), signature.begin());
    return signature;
  }
  // Records of groups that nobody here is in.
  void noise(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Bytes record(log::kRecordBytesMin + random_.below(300));
      random_.fill(record);
      if (random_.below(2) == 0) std::fill_n(record.begin() + log::kSignatureBytes, log::kEntryBytes, uint8_t{0});
      server_.add(std::move(record));
    }
  }

  static constexpr client::Store::Keep kKeep = client::Store::Keep::durable;
  std::unique_ptr<sim::World> world_ = std::make_unique<sim::World>(1);
  SeededRandom random_{20251125};
  client::Identity author_ = client::Identity::create(random_);
  const std::string host_ = client::Identity::create(random_).hostname();
  FakeServer server_{host_};
  client::Group group_ = std::move(*client::create_group(host_, "friends", random_));
  client::Group other_ = std::move(*client::create_group(host_, "others", random_));
};

}  // namespace cwtch::test
