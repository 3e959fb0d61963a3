// The profile on disk: whatever the moment a power cut comes, what was promised is there, and what is there is a moment
// that was. On the simulated disk, whose sectors in flight become old, new or garbage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "engine/client/store.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::client {
namespace {

using Keep = Store::Keep;

class ClientStore : public testing::Test {
 protected:
  // What a profile looks like after a number of steps; the server's address counts them.
  struct Look {
    std::string url;
    size_t messages = 0;
    size_t outbox = 0;
    friend bool operator==(const Look&, const Look&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Look& look) {
      return out << look.url << ", " << look.messages << " messages, " << look.outbox << " waiting";
    }
  };
  static Look look(const Profile& profile) {
    Look look;
    if (!profile.servers().empty()) look.url = profile.servers().begin()->second.url;
    for (const GroupState& group : profile.groups()) look.messages += group.messages.size();
    look.outbox = profile.outbox().size();
    return look;
  }
  std::vector<Event> step(int number) {
    std::vector<Event> events;
    events.emplace_back(ServerAdded{host_, std::to_string(number)});
    if (number == 1) events.emplace_back(GroupJoined{Group{group_.id, group_.key.clone(), group_.server, group_.name}});
    MessageStored message;
    message.group = group_.id;
    message.position = static_cast<uint64_t>(number);
    random_.fill(message.signature);
    message.text = std::string(random_.below(600), 'x');
    events.emplace_back(std::move(message));
    if (number % 5 == 0) {
      Bytes record(3000);
      random_.fill(record);
      events.emplace_back(Composed{group_.id, std::move(record)});
    }
    return events;
  }
  std::unique_ptr<Store> create(sim::World& world) {
    auto store = Store::create(world.files(), random_, "profile");
    EXPECT_TRUE(store) << store.error().message();
    return std::move(*store);
  }

  SeededRandom random_{7};
  std::string host_ = Identity::create(random_).hostname();
  Group group_ = std::move(*create_group(host_, "friends", random_));
};

TEST_F(ClientStore, APowerCutAtAnyMomentLeavesAMomentThatWas) {
  size_t images = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    sim::World world(seed);
    auto store = create(world);
    const std::string name = store->identity().hostname();
    std::vector<Look> looks = {look(store->profile())};
    size_t promised = 0;  // the newest look that is durable
    size_t begun = 0;     // the newest one that may be there
    struct Image {
      sim::Disk disk;
      size_t promised, begun;
    };
    std::vector<Image> cuts;
    world.disk().on_boundary([&] {
      for (uint64_t i = 0; i < 3; ++i)
        cuts.push_back({world.disk().power_cut(seed * 1000 + cuts.size() + i), promised, begun});
    });
    for (int number = 1; number <= 30; ++number) {
      begun = looks.size();
      const bool forget = number % 11 == 0;
      const Keep keep = random_.below(2) == 0 ? Keep::durable : Keep::relaxed;
      const Status done = forget ? store->forget_messages() : store->commit(step(number), keep);
      ASSERT_TRUE(done) << done.error().message();
      looks.push_back(look(store->profile()));
      if (forget || keep == Keep::durable) promised = looks.size() - 1;
    }
    world.disk().on_boundary(nullptr);
    for (Image& cut : cuts) {
      sim::World after(seed, std::move(cut.disk));
      auto recovered = Store::open(after.files(), random_, "profile");
      ASSERT_TRUE(recovered) << recovered.error().message();
      EXPECT_EQ((*recovered)->identity().hostname(), name);
      const Look found = look((*recovered)->profile());
      bool was = false;
      for (size_t i = cut.promised; i <= cut.begun && i < looks.size(); ++i) was |= looks[i] == found;
      ASSERT_TRUE(was) << found << "\npromised: " << looks[cut.promised]
                       << "\nbegun: " << looks[std::min(cut.begun, looks.size() - 1)];
      // And it goes on from there.
      ASSERT_TRUE((*recovered)->commit(step(1), Keep::durable));
      ++images;
    }
  }
  EXPECT_GT(images, 10'000u);
}

TEST_F(ClientStore, APowerCutWhileItIsMadeLeavesAProfileOrNone) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    sim::World world(seed);
    std::vector<sim::Disk> cuts;
    world.disk().on_boundary([&] { cuts.push_back(world.disk().power_cut(seed * 100 + cuts.size())); });
    create(world);
    world.disk().on_boundary(nullptr);
    for (sim::Disk& disk : cuts) {
      sim::World after(seed, std::move(disk));
      auto recovered = Store::open(after.files(), random_, "profile");
      if (!recovered) {
        EXPECT_EQ(recovered.error().code, Errc::not_found) << recovered.error().message();
        recovered = Store::create(after.files(), random_, "profile");
      }
      ASSERT_TRUE(recovered) << recovered.error().message();
      EXPECT_TRUE((*recovered)->commit(step(1), Keep::durable));
    }
  }
}

// Any single call fails: the commit says so and nothing of it is there; the next one makes everything good, also what a
// failed sync may have spoiled without telling.
TEST_F(ClientStore, AFailedCallIsReportedAndHealed) {
  for (const sim::DiskCall call : {sim::DiskCall::write, sim::DiskCall::sync, sim::DiskCall::open, sim::DiskCall::read,
                                   sim::DiskCall::rename, sim::DiskCall::create, sim::DiskCall::sync_directory}) {
    for (uint64_t index = 0; index < 3; ++index) {
      for (const Keep before : {Keep::durable, Keep::relaxed}) {
        SCOPED_TRACE(std::string(sim::name(call)) + " " + std::to_string(index));
        sim::World world(index + 1);
        auto store = create(world);
        ASSERT_TRUE(store->commit(step(1), Keep::durable));
        ASSERT_TRUE(store->commit(step(2), before));
        world.disk().script({call, index, EIO});
        const Look kept = look(store->profile());
        bool failed = false;
        for (int number = 3; number < 8; ++number) {
          const Look last = look(store->profile());
          const Status done = store->commit(step(number), Keep::durable);
          failed |= !done;
          if (!done) {
            EXPECT_EQ(look(store->profile()), last);
          }
        }
        world.disk().script_clear();
        ASSERT_TRUE(store->commit(step(9), Keep::durable));
        const Look all = look(store->profile());
        EXPECT_GT(all.messages, kept.messages);
        sim::World after(1, world.disk().power_cut(index + 77));
        auto recovered = Store::open(after.files(), random_, "profile");
        ASSERT_TRUE(recovered) << recovered.error().message();
        EXPECT_EQ(look((*recovered)->profile()), all);
        const bool always = call == sim::DiskCall::write || call == sim::DiskCall::sync || call == sim::DiskCall::open;
        EXPECT_TRUE(failed || !always);
      }
    }
  }
}

// A byte that decays in what was synced is named, not skipped and not taken for a cut.
TEST_F(ClientStore, DamageIsTold) {
  sim::World world(1);
  auto store = create(world);
  for (int number = 1; number <= 12; ++number) ASSERT_TRUE(store->commit(step(number), Keep::durable));
  const Bytes whole = *world.disk().contents("profile/journal");
  store.reset();
  size_t told = 0;
  for (uint64_t offset = 0; offset + Journal::kBlockBytes < whole.size(); offset += 97) {
    SCOPED_TRACE(offset);
    world.disk().change_byte("profile/journal", offset, 0x20);
    const auto opened = Store::open(world.files(), random_, "profile");
    world.disk().change_byte("profile/journal", offset, 0x20);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    ++told;
  }
  EXPECT_GT(told, 300u);
  EXPECT_EQ(*world.disk().contents("profile/journal"), whole) << "a damaged profile must not be changed";
  EXPECT_TRUE(Store::open(world.files(), random_, "profile"));
}

TEST_F(ClientStore, ProcessesSeeWhatOthersDid) {
  sim::World world(1);
  auto first = create(world);
  auto second = std::move(*Store::open(world.files(), random_, "profile"));
  ASSERT_TRUE(first->commit(step(1), Keep::durable));
  ASSERT_TRUE(second->commit(step(2), Keep::relaxed));
  ASSERT_TRUE(first->refresh());
  EXPECT_EQ(look(first->profile()), look(second->profile()));
  ASSERT_TRUE(second->forget_messages());  // a new file
  ASSERT_TRUE(first->commit(step(3), Keep::durable));
  ASSERT_TRUE(second->refresh());
  EXPECT_EQ(look(first->profile()), look(second->profile()));
  EXPECT_EQ(look(first->profile()).messages, 1u);
}

TEST_F(ClientStore, AHeldLockIsBusyOrWaitedFor) {
  sim::World world(1);
  auto store = create(world);
  auto held = world.files().lock("profile/lock");
  ASSERT_TRUE(held);
  EXPECT_EQ(store->commit(step(1), Keep::durable).error().code, Errc::busy);
  EXPECT_EQ(Store::open(world.files(), random_, "profile").error().code, Errc::busy);
  int waits = 0;
  store->on_busy([&] {
    if (++waits == 3) world.files().close(*held);
    return true;
  });
  EXPECT_TRUE(store->commit(step(1), Keep::durable));
  EXPECT_EQ(waits, 3);
}

TEST_F(ClientStore, ThereIsOneProfileInADirectory) {
  sim::World world(1);
  create(world);
  EXPECT_EQ(Store::create(world.files(), random_, "profile").error().code, Errc::conflict);
  EXPECT_EQ(Store::open(world.files(), random_, "elsewhere").error().code, Errc::not_found);
}

// What was acknowledged or superseded makes room again.
TEST_F(ClientStore, ObsoleteBytesAreRewrittenAway) {
  sim::World world(1);
  auto store = create(world);
  ASSERT_TRUE(store->commit(step(1), Keep::durable));
  for (int i = 0; i < 2000; ++i) {
    Composed composed{group_.id, Bytes(2800)};
    random_.fill(composed.record);
    Refused refused;
    std::copy_n(composed.record.begin(), refused.signature.size(), refused.signature.begin());
    std::vector<Event> events;
    events.emplace_back(std::move(composed));
    events.emplace_back(refused);
    ASSERT_TRUE(store->commit(events, Keep::relaxed));
  }
  const Look before = look(store->profile());
  EXPECT_GT(world.disk().contents("profile/journal")->size(), 5u << 20);
  store = std::move(*Store::open(world.files(), random_, "profile"));
  EXPECT_EQ(look(store->profile()), before);
  EXPECT_LT(world.disk().contents("profile/journal")->size(), 64u << 10);
}

TEST(ClientEvents, AreReadBackAsWritten) {
  SeededRandom random(3);
  const std::string host = Identity::create(random).hostname();
  MessageStored message;
  message.text = "text";
  message.previous.emplace();
  random.fill(*message.previous);
  const Event events[] = {
      ServerAdded{host, "url"},
      GroupJoined{*create_group(host, "name", random), true},
      Composed{{}, Bytes(120, 1)},
      Refused{},
      message,
      Synced{host, 1, 2, 3, 4, 5},
      Missed{host, 6, 7},
      IndexSeen{host, {8, 9}, {10, 11}, 12, 13, {14, {{{15, 16}, 17}, {{18, 19}, 20}}}},
      RecordWanted{{}, 14, 15, 2, 1, {}},
      RecordSettled{{}, true, {17}},
      Polled{host, 21, 22},
  };
  for (const Event& event : events) {
    const Bytes bytes = encode(event);
    const auto decoded = decode_event(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(encode(*decoded), bytes);
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_event(ByteView(bytes).first(size)));
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(decode_event(longer));
  }
  EXPECT_EQ(decode_event(Bytes{99}).error().code, Errc::unsupported);
}

// A profile may hold one that was written before windows were kept: nothing is known by it.
TEST(ClientEvents, AnIndexReadOfBeforeIsForgotten) {
  Bytes old{8, 4, 0, 0, 0, 'h', 'o', 's', 't'};
  old.resize(old.size() + 4 * 8 + 2 * 4, 7);
  const auto decoded = decode_event(old);
  ASSERT_TRUE(decoded) << decoded.error().message();
  const auto* const seen = std::get_if<IndexSeen>(&*decoded);
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->host, "host");
  EXPECT_EQ(seen->row_bytes, 0u);
  old.pop_back();
  EXPECT_EQ(decode_event(old).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace cwtch::client
