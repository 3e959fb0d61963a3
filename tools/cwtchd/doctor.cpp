#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/descriptors.hpp"
#include "engine/io/features.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "tools/cwtchd/commands.hpp"

namespace cwtch::cwtchd {
namespace {

int problems = 0;

void line(const char* verdict, const std::string& what, const std::string& detail) {
  fmt::print("{:<7} {:<28} {}\n", verdict, what, detail);
}
void bad(const std::string& what, const std::string& detail) {
  line("CHANGE", what, detail);
  ++problems;
}

void check_ring() {
  const io::UringReport report = io::probe_uring();
  if (!report.usable) {
    bad("io_uring", fmt::format("{}. {}. Until then --io=epoll is used", report.cause, report.cure));
  } else {
    line("ok", "io_uring", "usable");
  }
  for (const io::FeatureReport& feature : report.features) {
    const char* const verdict = feature.present ? "ok" : feature.required ? "missing" : "absent";
    line(verdict, fmt::format("  {}", feature.name), fmt::format("{} ({})", feature.reason, feature.needs));
  }
}

void check_limit(const char* name, int resource, rlim_t wanted, const std::string& reason, const std::string& cure) {
  rlimit limit{};
  getrlimit(static_cast<__rlimit_resource_t>(resource), &limit);
  const std::string value = limit.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_cur);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < wanted) {
    bad(name, fmt::format("{}; {}. {}", value, reason, cure));
  } else {
    line("ok", name, value);
  }
}

void check_huge_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string text;
  std::getline(file, text);
  if (text.find("[never]") != std::string::npos) {
    line("slower", "huge pages",
         "off: the chunk cache costs more TLB misses. echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  } else {
    line("ok", "huge pages", text.empty() ? "unknown" : text);
  }
}

// How fast this disk says that a small write is on stable storage: what bounds posts of a single client.
void check_flushes(const std::string& directory) {
  constexpr int kWrites = 200;
  io::Files& files = io::system_files();
  const std::string path = directory + "/.cwtchd-doctor";
  (void)files.unlink(path);
  const auto file = files.open(path, {.write = true, .create = true, .direct = true});
  if (!file) return bad("disk", directory + ": " + file.error().message());
  const AlignedMemory block(4096);
  std::fill_n(block.data(), 4096, uint8_t{0});
  std::vector<double> microseconds;
  Status status;
  for (int i = 0; i < kWrites && status; ++i)
    status = files.write(*file, block.bytes().first(4096), static_cast<uint64_t>(i) * 4096);
  if (status) status = files.sync(*file);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  for (int i = 0; i < kWrites && status && std::chrono::steady_clock::now() < until; ++i) {
    const auto start = std::chrono::steady_clock::now();
    status = files.write(*file, block.bytes().first(4096), static_cast<uint64_t>(i) * 4096);
    if (status) status = files.sync(*file);
    microseconds.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  files.close(*file);
  (void)files.unlink(path);
  if (!status) return bad("disk", directory + ": " + status.error().message());
  std::sort(microseconds.begin(), microseconds.end());
  const double median = microseconds[microseconds.size() / 2];
  line(median < 20'000 ? "ok" : "slow", "durable 4 KiB writes",
       fmt::format("{:.0f} us median, {:.0f} us p99, {:.0f}/s. {}", median,
                   microseconds[microseconds.size() * 99 / 100], 1e6 / median,
                   median < 15 ? "So fast that the device may only promise: check that it survives power loss" : ""));
  const Result<io::Space> space = files.space(directory);
  if (space) {
    const double gib = static_cast<double>(space->free_bytes) / (1u << 30);
    if (gib < 1) {
      bad("free space", fmt::format("{:.2f} GiB; sealing stops when it is gone, and then posts", gib));
    } else {
      line("ok", "free space", fmt::format("{:.1f} GiB", gib));
    }
  }
}

}  // namespace

int doctor(const std::string& directory) {
  utsname system{};
  uname(&system);
  line("", "kernel", fmt::format("{} {} {}", system.sysname, system.release, system.machine));
  check_ring();
  io::IoOptions options;
  if (const auto io = io::make_io(options)) line("ok", "back end in use", (*io)->name());
  line("ok", "send path, loopback", "copying sends of up to 256 KiB: zero copy would cost more there");
  line("ok", "send path, elsewhere", "SEND_ZC from 32 KiB on, where the kernel has it");
  io::raise_descriptor_limit();  // as the server does
  check_limit("open files (nofile)", RLIMIT_NOFILE, 16384, "each connection needs one",
              "ulimit -n, or LimitNOFILE= in the unit");
  check_limit("lockable memory (memlock)", RLIMIT_MEMLOCK, 1 << 20, "rings may need it before Linux 5.12",
              "ulimit -l, or LimitMEMLOCK=");
  check_huge_pages();
  check_flushes(directory);
  fmt::print("{}\n", problems == 0 ? "Nothing has to change."
                                   : fmt::format("{} thing{} should change.", problems, problems == 1 ? "" : "s"));
  return problems == 0 ? 0 : 1;
}

}  // namespace cwtch::cwtchd
