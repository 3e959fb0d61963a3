#include "engine/http/range.hpp"

#include <charconv>

namespace cwtch::http {
namespace {

constexpr std::string_view kBytes = "bytes=";

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// `tag` is "\"" ‖ hex ‖ "\"", exactly.
bool same_tag(std::string_view tag, const ByteArray<32>& sha256) {
  constexpr char kHex[] = "0123456789abcdef";
  if (tag.size() != 66 || tag.front() != '"' || tag.back() != '"') return false;
  for (size_t i = 0; i < sha256.size(); ++i) {
    if (tag[1 + 2 * i] != kHex[sha256[i] >> 4] || tag[2 + 2 * i] != kHex[sha256[i] & 15]) return false;
  }
  return true;
}

// Digits only; a number too large for 64 bits is as good as the largest.
bool number(std::string_view text, uint64_t& value) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) value = UINT64_MAX;
  return true;
}

bool unit_is_bytes(std::string_view range) {  // range units are case-insensitive
  if (range.size() < kBytes.size()) return false;
  for (size_t i = 0; i < kBytes.size(); ++i) {
    const char c = range[i] >= 'A' && range[i] <= 'Z' ? static_cast<char>(range[i] + ('a' - 'A')) : range[i];
    if (c != kBytes[i]) return false;
  }
  return true;
}

}  // namespace

// If-None-Match compares weakly. A tag may hold commas; none of ours does, so cutting there loses no match.
bool none_match_hits(std::string_view list, const ByteArray<32>& sha256) {
  if (trim(list) == "*") return true;
  while (!list.empty()) {
    const std::string_view piece = list.substr(0, list.find(','));
    list.remove_prefix(std::min(piece.size() + 1, list.size()));
    std::string_view tag = trim(piece);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (same_tag(tag, sha256)) return true;
  }
  return false;
}

tl::expected<Selection, Problem> resolve(const GetSegment& request, bool head_only, uint64_t size,
                                         const ByteArray<32>& sha256) {
  const auto miss = [size](const char* detail) {
    return tl::unexpected(
        Problem{.type = ProblemType::range_not_satisfiable, .detail = detail, .resource_bytes = size});
  };
  const Selection whole{.status = 200, .offset = 0, .bytes = size};
  if (!request.if_none_match.empty() && none_match_hits(request.if_none_match, sha256)) {
    return Selection{.status = 304, .offset = 0, .bytes = 0};
  }
  if (head_only || request.range.empty() || !unit_is_bytes(request.range)) return whole;
  if (!request.if_range.empty() && !same_tag(request.if_range, sha256)) return whole;

  const std::string_view set = trim(request.range.substr(kBytes.size()));
  const size_t dash = set.find('-');
  if (dash == set.npos || set.find(',') != set.npos) return miss("one range, as in bytes=0-4095");
  const std::string_view first_text = set.substr(0, dash);
  const std::string_view last_text = set.substr(dash + 1);
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
  if (first_text.empty()) {  // the last so many bytes
    uint64_t suffix = 0;
    if (!number(last_text, suffix)) return miss("one range, as in bytes=0-4095");
    if (suffix == 0 || size == 0) return miss("the range is empty");
    suffix = std::min(suffix, size);
    return Selection{.status = 206, .offset = size - suffix, .bytes = suffix};
  }
  if (!number(first_text, first) || (!last_text.empty() && !number(last_text, last)) || last < first) {
    return miss("one range, as in bytes=0-4095");
  }
  if (first >= size) return miss("the range begins behind the end");
  return Selection{.status = 206, .offset = first, .bytes = std::min(last, size - 1) - first + 1};
}

}  // namespace cwtch::http
