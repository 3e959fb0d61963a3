// "1 message", "2 messages", "2 queries".
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace cwtch::cwtchc {

inline std::string plural(uint64_t count, std::string_view word) {
  if (count == 1) return fmt::format("1 {}", word);
  if (word.ends_with('y')) return fmt::format("{} {}ies", count, word.substr(0, word.size() - 1));
  return fmt::format("{} {}s", count, word);
}

}  // namespace cwtch::cwtchc
