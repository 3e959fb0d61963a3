// Synchronisation with an honest server: what is fetched, what is found, what the server can see, and that nothing is
// lost or taken twice however often it is interrupted.
#include <gmock/gmock.h>

#include "tests/support/client_world.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClientSync : public test::ClientWorld {
 protected:
  // 40 records in two segments and a tail; messages of group_ at 3, 20 and 37.
  void fill() {
    noise(3);
    server_.add(message(group_, "first"));
    noise(12);
    server_.seal();
    noise(4);
    server_.add(message(group_, "second"));
    noise(11);
    server_.seal();
    noise(5);
    server_.add(message(group_, "third"));
    noise(2);
  }
  Member ann_ = make_member("ann");
};

TEST_F(ClientSync, EachSchemeFindsTheGroupsMessagesAndNoOthers) {
  fill();
  server_.add(message(other_, "not for ann"));
  server_.leaky = true;
  for (const Scheme scheme : {Scheme::full, Scheme::segments, Scheme::cursor}) {
    Member member = make_member("member" + std::to_string(static_cast<int>(scheme)));
    join(member, group_);
    const auto report = sync(member, scheme, true);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->records, 41u);
    EXPECT_EQ(report->messages, 3u);
    EXPECT_THAT(texts(member, group_), ElementsAre("first", "second", "third"));
    const ServerState& known = *member.store->profile().server(host_);
    EXPECT_EQ(known.reached.position, 41u);
    EXPECT_EQ(known.sealed.position, 32u);
  }
}

TEST_F(ClientSync, GoesOnAtTheNewestBoundaryAndTakesTheTailFromItsStart) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  reopen(ann_);
  noise(1);
  server_.add(message(group_, "fourth"));
  for (const Scheme scheme : {Scheme::full, Scheme::segments}) {
    server_.targets.clear();
    const auto report = sync(ann_, scheme);
    ASSERT_TRUE(report);
    EXPECT_THAT(server_.targets, ElementsAre("/v1/server", "/v1/segments", "/v1/log?from=32"));
    EXPECT_EQ(report->records, 10u);
  }
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third", "fourth"));
}

// The requests depend on when a profile was here and on nothing else: not on its groups, not on what it finds.
TEST_F(ClientSync, TheServerSeesTheSameRequestsFromEverybody) {
  Member bob = make_member("bob");
  join(ann_, group_);
  for (const Scheme scheme : {Scheme::full, Scheme::segments}) {
    fill();
    std::vector<std::vector<std::string>> seen;
    for (Member* const member : {&ann_, &bob}) {
      server_.targets.clear();
      ASSERT_TRUE(sync(*member, scheme));
      seen.push_back(server_.targets);
    }
    EXPECT_EQ(seen[0], seen[1]);
  }
}

TEST_F(ClientSync, AfterMergingOnlyTheMissingPartOfASegmentIsFetched) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  noise(20);
  server_.seal();
  server_.merge_all();
  server_.targets.clear();
  const auto report = sync(ann_, Scheme::segments);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(server_.targets, ElementsAre("/v1/server", "/v1/segments", "/v1/log?from=32&to=56", "/v1/log?from=56"));
  EXPECT_EQ(ann_.store->profile().server(host_)->sealed.position, 56u);
}

TEST_F(ClientSync, ASegmentThatWasMergedJustNowIsFetchedUnderItsNewName) {
  fill();
  join(ann_, group_);
  server_.tamper = [&](const std::string& target, std::string&) {
    if (target == "/v1/segments" && server_.boundaries.size() > 2) server_.merge_all();
  };
  const auto report = sync(ann_, Scheme::segments);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_THAT(server_.targets, testing::Contains("/v1/segments/0-31"));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third"));
}

// Wherever the connection ends, the next synchronisation completes the same profile; and behind a boundary it does not
// begin anew.
TEST_F(ClientSync, AnInterruptionLosesNothingAndRepeatsNothing) {
  fill();
  const size_t whole = server_.frames(0, 40).size() + server_.server_document().dump().size() + 8000;
  for (const Scheme scheme : {Scheme::full, Scheme::segments}) {
    bool resumed = false;
    for (size_t cut = 10; cut < whole; cut += 211) {
      SCOPED_TRACE(cut);
      Member member = make_member("cut" + std::to_string(cut) + (scheme == Scheme::full ? "f" : "s"));
      join(member, group_);
      server_.cut_after = cut;
      const auto first = sync(member, scheme);
      if (first) {
        server_.cut_after = SIZE_MAX;
        continue;
      }
      EXPECT_EQ(first.error().code, Errc::closed) << first.error().message();
      reopen(member);
      server_.targets.clear();
      const auto second = sync(member, scheme);
      ASSERT_TRUE(second) << second.error().message();
      resumed |= std::any_of(server_.targets.begin(), server_.targets.end(),
                             [](const std::string& t) { return t == "/v1/log?from=16" || t == "/v1/segments/16-31"; });
      EXPECT_THAT(server_.targets, testing::Not(testing::Contains(testing::ContainsRegex("from=(1[0-57-9]|[1-9]$)"))));
      EXPECT_THAT(texts(member, group_), ElementsAre("first", "second", "third"));
      EXPECT_TRUE(member.store->profile().group(group_.id)->tree.gaps().empty());
    }
    EXPECT_TRUE(resumed);
  }
}

TEST_F(ClientSync, PiecesOfAnySizeGiveTheSame) {
  fill();
  for (const size_t piece : {1, 13, 4096}) {
    Member member = make_member("piece" + std::to_string(piece));
    join(member, group_);
    test::ScriptedDialer dialer = server_.dialer(piece);
    ASSERT_TRUE(client_of(member, dialer).sync(Scheme::segments, nullptr));
    EXPECT_EQ(texts(member, group_).size(), 3u);
  }
}

// A group that is joined later has a history on a log that is known already.
TEST_F(ClientSync, JoiningAGroupMakesTheNextOneLookAgain) {
  fill();
  server_.add(message(other_, "old"));
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  join(ann_, other_);
  const auto report = sync(ann_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->messages, 1u);
  EXPECT_THAT(texts(ann_, other_), ElementsAre("old"));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third"));
}

// Another process looked through the log for fewer groups than there are now: that does not count.
TEST_F(ClientSync, JoiningWhileAnotherProcessReadsIsNotForgotten) {
  fill();
  server_.add(message(other_, "old"));
  join(ann_, group_);
  bool joined = false;
  server_.tamper = [&](const std::string& target, std::string&) {
    if (joined || !target.starts_with("/v1/log")) return;
    joined = true;
    auto second_process = Store::open(world_->files(), random_, ann_.directory);
    ASSERT_TRUE(second_process);
    ASSERT_TRUE((*second_process)->commit(only(GroupJoined{*group_of_invite(invite_of(other_))}), kKeep));
  };
  ASSERT_TRUE(sync(ann_));
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, other_), ElementsAre("old"));
}

TEST_F(ClientSync, WhatRetentionTookIsMissedNotWaitedFor) {
  fill();
  join(ann_, group_);
  server_.retire();
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("second", "third"));
  const auto& missed = ann_.store->profile().server(host_)->missed;
  ASSERT_EQ(missed.size(), 1u);
  EXPECT_EQ(missed[0].from, 0u);
  EXPECT_EQ(missed[0].to, 16u);
}

TEST_F(ClientSync, CursorNeedsBothSides) {
  fill();
  join(ann_, group_);
  EXPECT_EQ(sync(ann_, Scheme::cursor, false).error().code, Errc::denied);
  EXPECT_TRUE(server_.targets.empty());
  EXPECT_EQ(sync(ann_, Scheme::cursor, true).error().code, Errc::unsupported);
  server_.leaky = true;
  ASSERT_TRUE(sync(ann_, Scheme::cursor, true));
  noise(1);
  const auto report = sync(ann_, Scheme::cursor, true);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->records, 1u);
  EXPECT_EQ(server_.targets.back(), "/v1/log?from=40");
  ASSERT_TRUE(sync(ann_, Scheme::full)) << "goes on where segments allow it";
}

TEST_F(ClientSync, AnEmptyLogIsFine) {
  join(ann_, group_);
  for (const Scheme scheme : {Scheme::full, Scheme::segments}) {
    const auto report = sync(ann_, scheme);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_EQ(report->records, 0u);
  }
}

TEST_F(ClientSync, WithNothingNewTheProfileDoesNotGrow) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  const Bytes before = *world_->disk().contents("ann/journal");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(sync(ann_));
  EXPECT_EQ(*world_->disk().contents("ann/journal"), before);
}

TEST_F(ClientSync, ResyncGivesTheSameFromNothing) {
  fill();
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  ASSERT_TRUE(ann_.store->forget_messages());
  EXPECT_TRUE(texts(ann_, group_).empty());
  ASSERT_TRUE(sync(ann_, Scheme::segments));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third"));
}

// A member may write nonsense under the group's key: counted, and nothing else suffers.
TEST_F(ClientSync, UnreadableRecordsOfMembersAreCounted) {
  const Bytes nonce(24, 1);
  server_.add(seal(group_, author_, "{\"Text\":\"no author\"}", nonce, Form::untagged));
  server_.add(message(group_, "fine"));
  join(ann_, group_);
  const auto report = sync(ann_);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->unreadable, 1u);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("fine"));
}

// A server may serve a record twice, against its rules; the second one says nothing.
TEST_F(ClientSync, RepeatedRecordsAreOneMessage) {
  const Bytes record = message(group_, "once");
  server_.add(record);
  noise(1);
  server_.add(record);
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("once"));
}

TEST_F(ClientSync, AWithheldMessageIsAGapWithAuthorAndPlace) {
  const Bytes first = message(group_, "first");
  const Bytes withheld = message(group_, "withheld", signature_of(first));
  const Bytes last = message(group_, "last", signature_of(withheld));
  server_.add(first);
  server_.add(last);
  join(ann_, group_);
  ASSERT_TRUE(sync(ann_));
  auto gaps = ann_.store->profile().group(group_.id)->tree.gaps();
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].missing, signature_of(withheld));
  EXPECT_EQ(gaps[0].author, author_.key());
  EXPECT_EQ(gaps[0].position, 1u);
  // It comes after all, late: no gap is left.
  server_.add(withheld);
  ASSERT_TRUE(sync(ann_));
  EXPECT_TRUE(ann_.store->profile().group(group_.id)->tree.gaps().empty());
}

TEST_F(ClientSync, WatchShowsWhatIsThereAndWhatArrivesAndKeepsBoth) {
  fill();
  join(ann_, group_);
  test::ScriptedDialer dialer = server_.dialer();
  Client client = client_of(ann_, dialer);
  std::vector<std::string> heard;
  uint64_t live = 0;
  const Status watched = client.watch([&](const MessageStored& message) {
    heard.push_back(message.text.substr(0, message.text.find('}')));
    // Each message that is heard makes the server append another one, with a heartbeat before it.
    if (heard.size() == 3 + live && live < 3) {
      noise(2);
      server_.add(this->message(group_, "live" + std::to_string(live++)));
      Bytes beat(16);
      log::write_filler(beat, {server_.records.size() - 3}, 16);
      server_.send_live(server_.chunk(std::string(text_of(beat))) +
                        server_.chunk(server_.frames(server_.records.size() - 3, server_.records.size())));
    }
    if (heard.size() == 6) client.cancel();
  });
  EXPECT_EQ(watched.error().code, Errc::cancelled) << watched.error().message();
  EXPECT_EQ(heard.size(), 6u);
  reopen(ann_);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("first", "second", "third", "live0", "live1", "live2"));
  // A second follower of the same profile hears only what is new.
  test::ScriptedDialer again = server_.dialer();
  Client second = client_of(ann_, again);
  EXPECT_EQ(second.watch([&](const MessageStored&) { heard.push_back("?"); }).error().code, Errc::timeout);
  EXPECT_EQ(heard.size(), 6u);
}

// Who follows for days need not come back to where it began.
TEST_F(ClientSync, AFollowersBoundaryMovesOn) {
  join(ann_, group_);
  test::ScriptedDialer dialer = server_.dialer();
  Client client = client_of(ann_, dialer);
  noise(8);
  server_.add(message(group_, "go"));
  const Status watched = client.watch([&](const MessageStored&) {
    if (server_.records.size() > 20) return client.cancel();
    const uint64_t from = server_.records.size();
    for (int i = 0; i < 10; ++i) {
      noise(500);
      server_.seal();
    }
    server_.add(message(group_, "stop"));
    server_.send_live(server_.chunk(server_.frames(from, server_.records.size())));
  });
  EXPECT_EQ(watched.error().code, Errc::cancelled) << watched.error().message();
  EXPECT_GE(ann_.store->profile().server(host_)->sealed.position, 3500u);
  EXPECT_EQ(ann_.store->profile().server(host_)->sealed.position % test::FakeServer::kChunkRecords, 0u);
  const auto report = sync(ann_);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_LT(report->records, 1600u);
}

}  // namespace
}  // namespace cwtch::client
