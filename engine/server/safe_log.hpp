// What the operator reads on standard error. It cannot say anything about a client: only numbers, literals, Errors and
// texts that the caller declares public are accepted, and a line's time is cut to the hour.
//
//   safe_log::info("log: {} records, {} segments", records, segments);
//   safe_log::error("log: {} is damaged: {}", safe_log::Public{file}, error);
//
// Thread:  any.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "engine/core/result.hpp"

namespace cwtch::safe_log {

enum class Level : uint8_t { info, warn, error };

// A text that holds nothing of a client's: a path below the server's directory, a setting, a version.
struct Public {
  std::string text;
};

std::optional<Level> level_named(std::string_view name);  // "info", "warn", "error"

void start(Level level);  // once, before the first line; lines before it are dropped
bool enabled(Level level);
void write(Level level, std::string_view line);

namespace detail {
template <class T>
constexpr bool is_safe =
    std::is_arithmetic_v<T> || std::is_same_v<T, Public> || std::is_same_v<T, Error> || std::is_same_v<T, const char*>;
template <class T>
const T& shown(const T& value) {
  return value;
}
inline const std::string& shown(const Public& value) { return value.text; }
inline std::string shown(const Error& value) { return value.message(); }

template <class... Args>
void line(Level level, std::string_view format, Args&&... args) {
  static_assert((is_safe<std::decay_t<Args>> && ...), "numbers, literals, Errors and Public texts only");
  if (enabled(level)) write(level, fmt::format(fmt::runtime(format), shown(args)...));
}
}  // namespace detail

template <class... Args>
void info(std::string_view format, Args&&... args) {
  detail::line(Level::info, format, args...);
}
template <class... Args>
void warn(std::string_view format, Args&&... args) {
  detail::line(Level::warn, format, args...);
}
template <class... Args>
void error(std::string_view format, Args&&... args) {
  detail::line(Level::error, format, args...);
}

}  // namespace cwtch::safe_log
