#include "engine/core/spelling.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <vector>

namespace cwtch {
std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

OrText<uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return wrong("is not a number");
  std::string_view suffix = trim({end, static_cast<size_t>(text.data() + text.size() - end)});
  if (suffix.empty()) return value;
  constexpr std::string_view kPrefixes = "KMGT";
  const size_t power = kPrefixes.find(suffix.front());
  suffix.remove_prefix(1);
  if (power == std::string_view::npos || (!suffix.empty() && suffix != "iB" && suffix != "B")) {
    return wrong("has an unknown unit (K, M, G, T or KiB, MiB, GiB, TiB)");
  }
  const unsigned shift = 10 * (static_cast<unsigned>(power) + 1);
  if (value > UINT64_MAX >> shift) return wrong("is too large");
  return value << shift;
}

std::string nearest(std::string_view name, std::span<const std::string> known) {
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= b.size(); ++j) {
        const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
      }
    }
    return row.back();
  };
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const std::string& candidate : known) {
    const size_t d = distance(name, candidate);
    if (d < best_distance) best_distance = d, best = candidate;
  }
  return best;
}

}  // namespace cwtch
