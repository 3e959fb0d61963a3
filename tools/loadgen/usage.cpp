#include "tools/loadgen/usage.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>

namespace cwtch::loadgen {
namespace {

uint64_t read_clock(clockid_t clock) {
  timespec t{};
  if (clock_gettime(clock, &t) != 0) throw std::runtime_error("usage: a measured process is gone");
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// The number behind `name` in a file of lines "name: number kB".
uint64_t field_bytes(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::stoull(line.substr(name.size() + 1)) * 1024;
  }
  throw std::runtime_error(fmt::format("usage: {} has no {}", path, name));
}

}  // namespace

uint64_t monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }
uint64_t own_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

uint64_t cpu_ns(const std::vector<pid_t>& pids) {
  uint64_t sum = 0;
  for (const pid_t pid : pids) {
    // The process's own clock counts nanoseconds, where /proc/PID/stat counts ticks.
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error(fmt::format("usage: no process {}", pid));
    sum += read_clock(clock);
  }
  return sum;
}

uint64_t anonymous_bytes(const std::vector<pid_t>& pids) {
  uint64_t sum = 0;
  for (const pid_t pid : pids) sum += field_bytes(fmt::format("/proc/{}/status", pid), "RssAnon");
  return sum;
}

KernelMemory kernel_memory() {
  KernelMemory memory{field_bytes("/proc/meminfo", "Slab"), 0};
  std::ifstream file("/proc/net/sockstat");
  for (std::string line; std::getline(file, line);) {
    const size_t at = line.find(" mem ");
    if (line.rfind("TCP:", 0) == 0 && at != std::string::npos) {
      memory.socket_page_bytes = std::stoull(line.substr(at + 5)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    }
  }
  return memory;
}

void run_first() {
  const auto self = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, self, -15);  // without the right to, it competes like everybody
}

}  // namespace cwtch::loadgen
