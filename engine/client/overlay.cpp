#include "engine/client/overlay.hpp"

#include <algorithm>

#include "engine/client/json_text.hpp"
#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kSetBytes = 8;
constexpr size_t kLookBack = 64;  // how far before a full message a space is looked for

std::string encode(std::string_view text, const Part* part) {
  std::string json = R"({"o":1,"d":)";
  append_overlay_string(json, text);
  if (part != nullptr) {
    json +=
        R"(,"s":")" + part->set + R"(","i":)" + std::to_string(part->index) + R"(,"n":)" + std::to_string(part->count);
  }
  json += '}';
  return json;
}

bool fits(std::string_view overlay, const TextLimits& limits) {
  return overlay.size() <= limits.bytes_max && go_escaped_size(overlay) <= limits.escaped_bytes_max;
}

size_t code_point_bytes(char lead) {
  const auto c = static_cast<unsigned char>(lead);
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

// The longest prefix of `text` whose overlay fits the limits when `frame` (overlay without text) is already in it.
size_t prefix_that_fits(std::string_view text, std::string_view frame, const TextLimits& limits) {
  size_t raw = frame.size();
  size_t escaped = go_escaped_size(frame);
  size_t size = 0;
  size_t after_space = 0;
  while (size < text.size()) {
    const std::string_view code_point = text.substr(size, code_point_bytes(text[size]));
    std::string quoted;
    append_overlay_string(quoted, code_point);
    const std::string_view once = std::string_view(quoted).substr(1, quoted.size() - 2);
    raw += once.size();
    escaped += go_escaped_size(once);
    if (raw > limits.bytes_max || escaped > limits.escaped_bytes_max) {
      return after_space + kLookBack > size ? after_space : size;
    }
    size += code_point.size();
    if (code_point == " " || code_point == "\n") after_space = size;
  }
  return size;
}

bool is_set_name(std::string_view name) {
  return name.size() == 2 * kSetBytes && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Overlay parse_overlay(std::string_view text) {
  JsonField kind{"o"}, content{"d"}, set{"s"}, index{"i"}, count{"n"};
  if (!read_object(text, {&kind, &content, &set, &index, &count}) || kind.kind != JsonField::Kind::number ||
      content.kind != JsonField::Kind::text) {
    return {kChatOverlay, std::string(text), {}};
  }
  Overlay overlay{kind.number, std::move(content.text), {}};
  if (set.kind == JsonField::Kind::text && is_set_name(set.text) && index.kind == JsonField::Kind::number &&
      count.kind == JsonField::Kind::number && count.number > 1 && count.number <= kPartsMax &&
      index.number < count.number) {
    overlay.part = Part{std::move(set.text), static_cast<uint32_t>(index.number), static_cast<uint32_t>(count.number)};
  }
  return overlay;
}

Result<std::vector<std::string>> split(std::string_view text, Form form, Random& random) {
  if (!valid_utf8(text)) return fail(Errc::malformed, "text: not UTF-8");
  if (text.size() > kLongTextBytesMax) return fail(Errc::too_large, "text: longer than 65536 bytes");
  const TextLimits limits = text_limits(form);
  if (std::string whole = encode(text, nullptr); fits(whole, limits)) return std::vector{std::move(whole)};

  ByteArray<kSetBytes> set;
  random.fill(set);
  // Cut with the widest numbers, then write the true ones.
  const Part widest{to_hex(set), kPartsMax - 1, kPartsMax};
  const std::string frame = encode("", &widest);
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t size = prefix_that_fits(text, frame, limits);
    CHECK(size > 0);
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  CHECK(pieces.size() <= kPartsMax);
  std::vector<std::string> overlays;
  overlays.reserve(pieces.size());
  for (const std::string_view piece : pieces) {
    const Part part{widest.set, static_cast<uint32_t>(overlays.size()), static_cast<uint32_t>(pieces.size())};
    overlays.push_back(encode(piece, &part));
    CHECK(fits(overlays.back(), limits));
  }
  return overlays;
}

}  // namespace cwtch::client
