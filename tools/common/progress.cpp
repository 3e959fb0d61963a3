#include "tools/common/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace cwtch::tools {
namespace {

constexpr double kRedrawS = 0.1;
constexpr double kPlainS = 5;
constexpr size_t kBarWidth = 30;

double now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string duration(double s) {
  const auto t = static_cast<uint64_t>(s + 0.5);
  if (t >= 3600) return fmt::format("{}h{:02}m", t / 3600, t % 3600 / 60);
  if (t >= 60) return fmt::format("{}m{:02}s", t / 60, t % 60);
  return fmt::format("{}s", t);
}

}  // namespace

bool on_terminal() { return ::isatty(STDERR_FILENO) != 0; }

Progress::Progress(std::string what, std::string unit, uint64_t total, Style style)
    : what_(std::move(what)),
      unit_(std::move(unit)),
      total_(total),
      style_(style),
      started_s_(now_s()),
      drawn_s_(started_s_) {
  if (style_ == Style::automatic && !on_terminal()) style_ = Style::plain;
}

std::string Progress::amount(uint64_t value) const {
  return unit_ == "bytes" ? fmt::format("{:.1f} MiB", static_cast<double>(value) / 1048576.0)
                          : fmt::format("{} {}", value, unit_);
}

void Progress::set(uint64_t done) {
  done_ = done;
  const double wait_s = style_ == Style::automatic ? kRedrawS : kPlainS;
  if (style_ != Style::quiet && now_s() - drawn_s_ >= wait_s) draw(false);
}

void Progress::draw(bool last) {
  const double now = now_s();
  drawn_s_ = now;
  const double elapsed = std::max(now - started_s_, 1e-6);
  const double rate = static_cast<double>(done_) / elapsed;
  const double share = total_ == 0 ? 0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  if (style_ == Style::json) {
    fmt::print(stderr, "{{\"progress\":\"{}\",\"unit\":\"{}\",\"done\":{},\"total\":{}}}\n", what_, unit_, done_,
               total_);
    return;
  }
  std::string tail = fmt::format("{}, {}/s", amount(done_), amount(static_cast<uint64_t>(rate)));
  if (last) {
    tail += fmt::format(", {:.1f} s", elapsed);
  } else if (total_ > done_ && done_ > 0) {
    tail += ", " + duration(static_cast<double>(total_ - done_) / rate) + " to go";
  }
  if (style_ == Style::automatic) {
    const auto filled = static_cast<size_t>(share * kBarWidth);
    std::string bar(kBarWidth, ' ');
    std::fill_n(bar.begin(), filled, '=');
    fmt::print(stderr, "\r{} [{}] {:3.0f}%  {}\x1b[K{}", what_, bar, share * 100, tail, last ? "\n" : "");
  } else {
    fmt::print(stderr, "{}: {:.0f}%, {}\n", what_, share * 100, tail);
  }
  std::fflush(stderr);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (style_ != Style::quiet) draw(true);
}

}  // namespace cwtch::tools
