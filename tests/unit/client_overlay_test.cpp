// Long texts: cut so that every piece fits, never inside a character, and whole again when put together.
#include <gtest/gtest.h>

#include "engine/client/json_text.hpp"
#include "engine/client/overlay.hpp"

namespace cwtch::client {
namespace {

std::string joined(const std::vector<std::string>& overlays) {
  std::string text;
  for (size_t i = 0; i < overlays.size(); ++i) {
    const Overlay overlay = parse_overlay(overlays[i]);
    EXPECT_EQ(overlay.kind, kChatOverlay);
    EXPECT_EQ(overlay.part.has_value(), overlays.size() > 1);
    if (overlay.part) {
      EXPECT_EQ(overlay.part->index, i);
      EXPECT_EQ(overlay.part->count, overlays.size());
    }
    EXPECT_TRUE(valid_utf8(overlay.text));
    text += overlay.text;
  }
  return text;
}

TEST(Overlay, ChatLooksAsInACwtchApp) {
  SeededRandom random(1);
  EXPECT_EQ(split("say \"hi\" <&>\n", Form::untagged, random)->at(0), R"({"o":1,"d":"say \"hi\" <&>\n"})");
}

TEST(Overlay, SplitTextsJoinAgain) {
  SeededRandom random(7);
  static constexpr std::string_view kPieces[] = {"a",    "b c ", "\"",   "\\", "<",     "\n",
                                                 "\x01", "ü",    "漢字", "😀",  "\u2028"};
  for (const Form form : {Form::tagged, Form::untagged}) {
    for (int round = 0; round < 60; ++round) {
      const size_t size = round < 30 ? random.below(6000) : 1 + random.below(kLongTextBytesMax - 8);
      const size_t kinds = 1 + random.below(std::size(kPieces));  // few kinds make extreme texts
      std::string text;
      while (text.size() < size) text += kPieces[random.below(kinds)];
      const auto overlays = split(text, form, random);
      ASSERT_TRUE(overlays) << overlays.error().message();
      EXPECT_EQ(joined(*overlays), text);
      for (const std::string& overlay : *overlays) {
        EXPECT_LE(overlay.size(), text_limits(form).bytes_max);
        EXPECT_LE(go_escaped_size(overlay), text_limits(form).escaped_bytes_max);
      }
    }
  }
}

// The most expensive characters at the largest size stay below the number of parts.
TEST(Overlay, WorstCaseStaysBounded) {
  SeededRandom random(3);
  for (const char c : {'\x01', '"', '\\', '<', 'x'}) {
    const std::string text(kLongTextBytesMax, c);
    const auto overlays = split(text, Form::tagged, random);
    ASSERT_TRUE(overlays);
    EXPECT_LE(overlays->size(), kPartsMax);
    EXPECT_EQ(joined(*overlays), text);
  }
  EXPECT_EQ(split(std::string(kLongTextBytesMax + 1, 'x'), Form::tagged, random).error().code, Errc::too_large);
  EXPECT_EQ(split("\xC3", Form::tagged, random).error().code, Errc::malformed);
}

TEST(Overlay, CutsBehindASpaceIfOneIsNear) {
  SeededRandom random(3);
  std::string text;
  while (text.size() < 5000) text += "twelve chars ";
  const auto overlays = split(text, Form::tagged, random);
  for (size_t i = 0; i + 1 < overlays->size(); ++i) EXPECT_EQ(parse_overlay((*overlays)[i]).text.back(), ' ');
}

TEST(Overlay, WhatIsNoOverlayIsShownAsItStands) {
  for (const std::string_view text :
       {"hello", "", "{}", R"({"o":1})", R"({"o":"1","d":"x"})", R"([1])", R"({"o":1,"d":"x"}y)"}) {
    EXPECT_EQ(parse_overlay(text).text, text);
    EXPECT_EQ(parse_overlay(text).kind, kChatOverlay);
  }
  EXPECT_EQ(parse_overlay(R"({"o":101,"d":"x"})").kind, 101u);
  EXPECT_EQ(parse_overlay(R"({"o":1,"d":"x"}   )").text, "x");  // spaces behind a tagged message's overlay
}

TEST(Overlay, ImpossiblePartsAreChat) {
  for (const std::string_view numbers :
       {R"("s":"0123456789abcdef","i":2,"n":2)", R"("s":"0123456789abcdef","i":0,"n":1)",
        R"("s":"0123456789abcdef","i":0,"n":257)", R"("s":"0123456789ABCDEF","i":0,"n":2)", R"("s":"","i":0,"n":2)",
        R"("s":"0123456789abcdef","i":-1,"n":2)", R"("s":"0123456789abcdef","i":0)",
        R"("s":"0123456789abcdef","i":0,"n":18446744073709551617)"}) {
    const Overlay overlay = parse_overlay(R"({"o":1,"d":"x",)" + std::string(numbers) + "}");
    EXPECT_EQ(overlay.text, "x");
    EXPECT_FALSE(overlay.part) << numbers;
  }
}

}  // namespace
}  // namespace cwtch::client
