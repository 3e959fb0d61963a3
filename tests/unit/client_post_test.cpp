// Posting: nothing is lost, nothing is said twice with different bytes, and a server that breaks its word is found out.
#include <gmock/gmock.h>

#include <climits>

#include "tests/support/client_world.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;

class ClientPost : public test::ClientWorld {
 protected:
  ClientPost() { join(ann_, group_); }
  Result<std::vector<uint64_t>> post(const std::string& text, Form form = Form::tagged) {
    test::ScriptedDialer dialer = server_.dialer();
    return client_of(ann_, dialer).post(group_.id, text, form);
  }
  // The answers to the next `count` posts get lost behind the server's back.
  void lose_answers(int count) {
    server_.tamper = [count](const std::string& target, std::string& answer) mutable {
      if (target == "/v1/records" && count-- > 0) answer = "HTTP/1.1 201 Created\r\nContent-Le";
    };
  }
  const Profile& profile() const { return ann_.store->profile(); }

  Member ann_ = make_member("ann");
};

TEST_F(ClientPost, PostedTextsComeBackInOrderToEverybody) {
  std::string lengthy;
  while (lengthy.size() < 9000) lengthy += "many words \"and\" quotes, ";
  ASSERT_TRUE(post("one"));
  noise(3);
  const auto positions = post(lengthy);
  ASSERT_TRUE(positions);
  EXPECT_GT(positions->size(), 4u);
  ASSERT_TRUE(post("as an app", Form::untagged));
  Member bob = make_member("bob");
  join(bob, group_);
  ASSERT_TRUE(sync(bob));
  EXPECT_THAT(texts(bob, group_), ElementsAre("one", lengthy, "as an app"));
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("one", lengthy, "as an app"));
  EXPECT_TRUE(profile().group(group_.id)->tree.gaps().empty());
  EXPECT_TRUE(profile().broken_promises(group_.id).empty());
}

// All tagged records have one size, and each names the one before it, across authors.
TEST_F(ClientPost, MessagesNameTheirPredecessors) {
  Member bob = make_member("bob");
  join(bob, group_);
  ASSERT_TRUE(post("a"));
  ASSERT_TRUE(sync(bob));
  test::ScriptedDialer dialer = server_.dialer();
  ASSERT_TRUE(client_of(bob, dialer).post(group_.id, "b", Form::tagged));
  ASSERT_TRUE(sync(ann_));
  ASSERT_TRUE(post("c"));
  ASSERT_EQ(server_.posted.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const auto opened = open(group_, server_.posted[i]);
    ASSERT_TRUE(opened);
    EXPECT_EQ(log::ciphertext_of(server_.posted[i]).size(), kTaggedCiphertextBytes);
    EXPECT_EQ(opened->message.previous, i == 0 ? std::nullopt : std::optional(signature_of(server_.posted[i - 1])));
  }
}

// The server has it, the answer is lost: the same bytes go again, and it is one message.
TEST_F(ClientPost, ALostAnswerIsAskedForAgainWithTheSameBytes) {
  lose_answers(1);
  EXPECT_FALSE(post("once"));
  EXPECT_EQ(profile().outbox().size(), 1u);
  reopen(ann_);
  ASSERT_EQ(profile().outbox().size(), 1u);
  ASSERT_TRUE(post("then"));
  EXPECT_TRUE(profile().outbox().empty());
  ASSERT_EQ(server_.posted.size(), 3u);
  EXPECT_EQ(server_.posted[0], server_.posted[1]);
  EXPECT_EQ(server_.records.size(), 2u);
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("once", "then"));
  EXPECT_TRUE(profile().group(group_.id)->tree.gaps().empty());
}

// The server has it and the program ends before it hears so: found in the log, it need not be sent any more.
TEST_F(ClientPost, AMessageFoundInTheLogLeavesTheOutbox) {
  lose_answers(1);
  EXPECT_FALSE(post("once"));
  ASSERT_TRUE(sync(ann_));
  EXPECT_TRUE(profile().outbox().empty());
}

TEST_F(ClientPost, ALongTextIsKeptWholeThroughAFailure) {
  const std::string lengthy(8000, 'x');
  int answers = 0;
  server_.tamper = [&](const std::string& target, std::string& answer) {
    if (target == "/v1/records" && ++answers == 3) answer.clear();
  };
  EXPECT_FALSE(post(lengthy));
  reopen(ann_);
  test::ScriptedDialer dialer = server_.dialer();
  const auto sent = client_of(ann_, dialer).post_outbox();
  ASSERT_TRUE(sent);
  EXPECT_GE(sent->accepted, 3u);
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre(lengthy));
}

TEST_F(ClientPost, RefusalsForNowKeepTheTextAndForGoodForgetIt) {
  server_.read_only = true;
  EXPECT_EQ(post("later").error().code, Errc::read_only);
  EXPECT_EQ(profile().outbox().size(), 1u);
  server_.read_only = false;
  server_.tamper = [](const std::string& target, std::string& answer) {
    if (target == "/v1/records") answer = test::FakeServer::problem(413, "content-too-large");
  };
  EXPECT_EQ(post("too large for it").error().code, Errc::too_large);
  EXPECT_TRUE(profile().outbox().empty());
  // busy is tried again after ever longer pauses, then kept.
  int refusals = 3;
  server_.tamper = [&](const std::string& target, std::string& answer) {
    if (target == "/v1/records" && refusals-- > 0) answer = test::FakeServer::problem(503, "busy");
  };
  paused_ms = 0;
  EXPECT_TRUE(post("patience"));
  EXPECT_EQ(paused_ms, 10u + 20 + 40);
  refusals = INT_MAX;
  EXPECT_EQ(post("more patience").error().code, Errc::busy);
  EXPECT_EQ(profile().outbox().size(), 1u);
  EXPECT_EQ(paused_ms, 70u + 630);
}

TEST_F(ClientPost, NoServerAtAllKeepsTheText) {
  test::ScriptedDialer dialer = server_.dialer();
  dialer.refuse = true;
  EXPECT_FALSE(client_of(ann_, dialer).post(group_.id, "hello", Form::tagged));
  EXPECT_EQ(profile().outbox().size(), 1u);
  ASSERT_TRUE(post("second"));
  ASSERT_TRUE(sync(ann_));
  EXPECT_THAT(texts(ann_, group_), ElementsAre("hello", "second"));
}

TEST_F(ClientPost, WhatCannotBePostedIsRefusedBeforeItIsKept) {
  EXPECT_EQ(post(std::string(70'000, 'x')).error().code, Errc::too_large);
  EXPECT_EQ(post("\xFF").error().code, Errc::malformed);
  test::ScriptedDialer dialer = server_.dialer();
  EXPECT_EQ(client_of(ann_, dialer).post(other_.id, "x", Form::tagged).error().code, Errc::not_found);
  EXPECT_TRUE(profile().outbox().empty());
  EXPECT_TRUE(server_.posted.empty());
}

// It says "accepted, at 5", and has something else there.
TEST_F(ClientPost, AnAcceptedMessageThatIsNotThereIsABrokenPromise) {
  ASSERT_TRUE(post("kept"));
  ASSERT_TRUE(post("dropped"));
  EXPECT_TRUE(profile().broken_promises(group_.id).empty());
  server_.records.pop_back();
  noise(2);
  ASSERT_TRUE(sync(ann_));
  const auto broken = profile().broken_promises(group_.id);
  ASSERT_EQ(broken.size(), 1u);
  EXPECT_EQ(broken[0]->position, 1u);
  EXPECT_THAT(texts(ann_, group_), ElementsAre("kept", "dropped"));
  // At another place than it said is no loss: the log is the truth.
  ASSERT_TRUE(post("moved"));
  const Bytes record = server_.records.back();
  server_.records.pop_back();
  noise(1);
  server_.add(record);
  ASSERT_TRUE(sync(ann_));
  EXPECT_EQ(profile().broken_promises(group_.id).size(), 1u);
  EXPECT_EQ(conversation(*profile().group(group_.id)).back().position, server_.records.size() - 1);
}

// Reading and writing never share a connection.
TEST_F(ClientPost, PostsHaveAConnectionOfTheirOwn) {
  test::ScriptedDialer dialer = server_.dialer();
  Client client = client_of(ann_, dialer);
  ASSERT_TRUE(client.sync(Scheme::full, nullptr));
  ASSERT_TRUE(client.post(group_.id, "x", Form::tagged));
  ASSERT_TRUE(client.sync(Scheme::full, nullptr));
  ASSERT_TRUE(client.post(group_.id, "y", Form::tagged));
  EXPECT_EQ(dialer.dialled, 2u);
}

}  // namespace
}  // namespace cwtch::client
