// The message tree and the conversation: what is missing is named, what belongs together is put together, in whatever
// order a server serves it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/client/conversation.hpp"
#include "engine/client/tree.hpp"

namespace cwtch::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Signature signature(uint8_t name) {
  Signature signature{};
  signature[0] = name;
  return signature;
}

PublicKey author(uint8_t name) {
  PublicKey key{};
  key[0] = name;
  return key;
}

TEST(Tree, AnUnknownPredecessorIsAGapUntilItComes) {
  Tree tree;
  tree.add(signature(1), {}, author('a'), 10);
  tree.add(signature(3), signature(2), author('b'), 12);
  tree.add(signature(4), signature(2), author('c'), 13);
  tree.add(signature(6), signature(5), author('d'), 11);
  const auto gaps = tree.gaps();
  ASSERT_EQ(gaps.size(), 2u);
  EXPECT_EQ(gaps[0].missing, signature(5));
  EXPECT_EQ(gaps[0].author, author('d'));
  EXPECT_EQ(gaps[1].missing, signature(2));
  EXPECT_EQ(gaps[1].author, author('b'));
  EXPECT_EQ(gaps[1].position, 12u);
  EXPECT_EQ(gaps[1].references, 2u);
  tree.add(signature(2), signature(1), author('a'), 14);
  tree.add(signature(5), signature(2), author('a'), 15);
  EXPECT_THAT(tree.gaps(), IsEmpty());
  EXPECT_EQ(tree.find(signature(3)), 1u);
  EXPECT_EQ(tree.find(signature(9)), Tree::kUnknown);
}

// Whoever comes first in the log is named, whoever was heard first.
TEST(Tree, TheEarliestReferenceIsTheGapsPlace) {
  Tree tree;
  tree.add(signature(3), signature(2), author('b'), 30);
  tree.add(signature(4), signature(2), author('c'), 20);
  EXPECT_EQ(tree.gaps()[0].position, 20u);
  EXPECT_EQ(tree.gaps()[0].author, author('c'));
}

// Nothing can make a gap that stays for ever by naming itself or a circle.
TEST(Tree, CirclesAreNoGaps) {
  Tree tree;
  tree.add(signature(1), signature(1), author('a'), 1);
  EXPECT_THAT(tree.gaps(), IsEmpty());
  tree.add(signature(2), signature(3), author('a'), 2);
  tree.add(signature(3), signature(2), author('a'), 3);
  EXPECT_THAT(tree.gaps(), IsEmpty());
}

// In whatever order messages come, what is missing is what was withheld and somebody names.
TEST(Tree, AnyOrderGivesTheSameGaps) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    std::vector<uint8_t> order(60);
    std::map<uint8_t, uint8_t> previous;
    for (uint8_t i = 0; i < order.size(); ++i) {
      order[i] = i;
      if (i > 0) previous[i] = static_cast<uint8_t>(i - 1 - random.below(std::min<uint64_t>(i, 3)));
    }
    for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
    std::set<uint8_t> withheld;
    while (withheld.size() < 6) withheld.insert(static_cast<uint8_t>(random.below(60)));
    Tree tree;
    std::set<Signature> expected;
    for (const uint8_t i : order) {
      if (withheld.contains(i)) continue;
      std::optional<Signature> named;
      if (i > 0) named = signature(previous[i]);
      if (i > 0 && withheld.contains(previous[i])) expected.insert(*named);
      tree.add(signature(i), named, author('a'), i);
    }
    std::set<Signature> found;
    for (const Gap& gap : tree.gaps()) found.insert(gap.missing);
    EXPECT_EQ(found, expected);
  }
}

class ConversationTest : public testing::Test {
 protected:
  void say(uint64_t position, const std::string& overlay, uint8_t by = 'a') {
    MessageStored message;
    message.position = position;
    random_.fill(message.signature);
    message.author = author(by);
    message.text = overlay;
    state_.messages.push_back(message);
  }
  std::vector<std::string> texts() {
    std::vector<std::string> texts;
    for (const Line& line : conversation(state_)) {
      texts.push_back(line.text + (line.complete() ? "" : " (" + std::to_string(line.parts) + ")") + " @" +
                      std::to_string(line.position));
    }
    return texts;
  }
  static std::string part(const std::string& text, int index, int count, const std::string& set = "0123456789abcdef") {
    return R"({"o":1,"d":")" + text + R"(","s":")" + set + R"(","i":)" + std::to_string(index) + R"(,"n":)" +
           std::to_string(count) + "}";
  }

  SeededRandom random_{1};
  GroupState state_;
};

TEST_F(ConversationTest, IsInTheOrderOfTheLogWhateverCameFirst) {
  say(5, R"({"o":1,"d":"second"})");
  say(2, R"({"o":1,"d":"first"}   )");
  say(9, "no overlay");
  EXPECT_THAT(texts(), ElementsAre("first @2", "second @5", "no overlay @9"));
}

TEST_F(ConversationTest, PartsJoinWhereTheLastOneStands) {
  say(1, part("one ", 0, 3));
  say(2, R"({"o":1,"d":"between"})", 'b');
  say(4, part("three", 2, 3));
  say(3, part("two ", 1, 3));
  EXPECT_THAT(texts(), ElementsAre("between @2", "one two three @4"));
}

TEST_F(ConversationTest, MissingPartsAreShownAsMissing) {
  say(1, part("one ", 0, 4));
  say(2, part("three ", 2, 4));
  say(3, R"({"o":1,"d":"after"})");
  EXPECT_THAT(texts(), ElementsAre("one [...]three [...] (2) @2", "after @3"));
}

// Somebody else's parts of the same set, parts with another count, and repeated parts change nothing.
TEST_F(ConversationTest, NobodyCanInterfereWithAnothersText) {
  say(1, part("mine", 0, 2));
  say(2, part("foreign", 1, 2), 'b');
  say(3, part("again", 0, 2));
  say(4, part("counted", 1, 3));
  say(5, part(" too", 1, 2));
  say(6, part("late", 1, 2));
  EXPECT_THAT(texts(), ElementsAre("[...]foreign (1) @2", "[...]counted[...] (1) @4", "mine too @5"));
}

}  // namespace
}  // namespace cwtch::client
