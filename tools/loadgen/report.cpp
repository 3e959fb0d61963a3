#include "tools/loadgen/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace cwtch::loadgen {

void add_latency(Figures& figures, const std::string& name, const Latency& latency) {
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  figures[name + "_p50_us"] = us(latency.quantile_ns(0.50));
  figures[name + "_p99_us"] = us(latency.quantile_ns(0.99));
  figures[name + "_p999_us"] = us(latency.quantile_ns(0.999));
  figures[name + "_max_us"] = us(latency.max_ns());
  figures[name + "_count"] = latency.count();
}

void print(const Figures& figures, bool json) {
  if (json) {
    fmt::print("{}\n", figures.dump());
    return;
  }
  for (const auto& [name, value] : figures.items()) fmt::print("{:32} {}\n", name, value.dump());
}

void show_progress(const char* what, double fraction) {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  if (!terminal) return;
  fmt::print(stderr, "\r{} {:3.0f} %", what, fraction * 100);
  if (fraction >= 1) fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

}  // namespace cwtch::loadgen
