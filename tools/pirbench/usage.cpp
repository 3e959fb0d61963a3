#include "tools/pirbench/usage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <optional>
#include <string_view>

#include "kernels/pack.hpp"
#include "kernels/ring.hpp"
#include "kernels/scan.hpp"
#include "tools/common/commit.hpp"

namespace cwtch::pirbench {
namespace {

double seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// What is behind "name:" in a file of such lines.
std::string field(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != name) continue;
    const size_t begin = line.find_first_not_of(" \t", colon + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}
uint64_t kib_field(const char* path, std::string_view name) {
  return std::strtoull(field(path, name).c_str(), nullptr, 10) * 1024;
}

std::optional<uint64_t> number_in(const char* path) {
  std::ifstream file(path);
  uint64_t value = 0;
  if (!(file >> value)) return std::nullopt;  // no such file, or "max"
  return value;
}

std::string kernel_targets() {
  const std::string scan = kernels::scan().name, ring = kernels::ring().name, pack = kernels::pack().name;
  return scan == ring && ring == pack ? scan : fmt::format("scan {}, ring {}, pack {}", scan, ring, pack);
}

}  // namespace

double wall_seconds() { return seconds_of(CLOCK_MONOTONIC); }
double cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
uint64_t peak_bytes() { return kib_field("/proc/self/status", "VmHWM"); }

uint64_t available_bytes() {
  const uint64_t system = kib_field("/proc/meminfo", "MemAvailable");
  const auto limit = number_in("/sys/fs/cgroup/memory.max"), used = number_in("/sys/fs/cgroup/memory.current");
  if (!limit || !used) return system;
  return std::min(system, *limit - std::min(*limit, *used));
}

MachineInfo machine_info(const std::string& label) {
  return {.cpu = field("/proc/cpuinfo", "model name"),
          .cores = static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN)),
          .memory_bytes = kib_field("/proc/meminfo", "MemTotal"),
          .kernel_target = kernel_targets(),
          .commit = tools::kCommit,
          .label = label};
}

}  // namespace cwtch::pirbench
