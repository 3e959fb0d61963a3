// Overlays: the JSON inside a group message's Text, by which Cwtch apps tell chat from other uses. And the way a text
// that is longer than one message travels as several.
//
// Chat           {"o":1,"d":"the text"}
// Part of a text {"o":1,"d":"a piece","s":"16 hex digits","i":0,"n":3}
//                s names the set (random), i counts from 0 to n-1. A Cwtch app ignores s, i, n and shows the pieces one
//                after the other; this client joins them when all n are there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/client/message.hpp"

namespace cwtch::client {

constexpr uint64_t kChatOverlay = 1;
constexpr size_t kLongTextBytesMax = 64 * 1024;
constexpr uint32_t kPartsMax = 256;  // 64 KiB of the most expensive characters need fewer

struct Part {
  std::string set;
  uint32_t index = 0;
  uint32_t count = 1;
};

struct Overlay {
  uint64_t kind = kChatOverlay;
  std::string text;
  std::optional<Part> part;
};

// What a message's Text says, whatever it is: text that is no overlay is shown as it stands, as chat. A part with
// impossible numbers is chat too.
Overlay parse_overlay(std::string_view text);

// The Texts, in order, of the messages that carry `text`: one if it fits, several parts otherwise. Cuts between code
// points, behind a space or line break if one is near. Errors: malformed if not UTF-8, too_large over
// kLongTextBytesMax.
Result<std::vector<std::string>> split(std::string_view text, Form form, Random& random);

}  // namespace cwtch::client
