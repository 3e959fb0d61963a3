#include "engine/server/safe_log.hpp"

// The only user of spdlog, which reports its own failures by exceptions: this file is built with them.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace cwtch::safe_log {
namespace {

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance;
  return instance;
}

}  // namespace

std::optional<Level> level_named(std::string_view name) {
  constexpr std::pair<std::string_view, Level> kLevels[] = {
      {"info", Level::info}, {"warn", Level::warn}, {"error", Level::error}};
  for (const auto& [known, level] : kLevels)
    if (name == known) return level;
  return std::nullopt;
}

void start(Level level) {
  logger() = std::make_shared<spdlog::logger>("cwtchd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger()->set_level(level_of(level));
  logger()->set_pattern("%Y-%m-%dT%Hh %l %v");  // the hour, and nothing finer
  logger()->flush_on(spdlog::level::info);
}

bool enabled(Level level) { return logger() != nullptr && logger()->should_log(level_of(level)); }

void write(Level level, std::string_view line) { logger()->log(level_of(level), "{}", line); }

}  // namespace cwtch::safe_log
