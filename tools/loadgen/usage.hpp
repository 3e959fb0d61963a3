// What processes and the kernel use: CPU seconds, resident memory, memory of sockets. Read from /proc and process
// clocks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace cwtch::loadgen {

uint64_t monotonic_ns();
// CPU time of these processes so far, all their threads, living or gone, in nanoseconds.
uint64_t cpu_ns(const std::vector<pid_t>& pids);
uint64_t own_cpu_ns();
// Resident memory that belongs to the processes alone: anonymous pages; mapped program text is left out.
uint64_t anonymous_bytes(const std::vector<pid_t>& pids);

// Memory that the whole kernel holds; only differences mean anything, and only on a quiet machine.
struct KernelMemory {
  uint64_t slab_bytes;         // all slab caches: sockets, files, dentries, epoll and io_uring entries
  uint64_t socket_page_bytes;  // bytes queued in TCP buffers
};
KernelMemory kernel_memory();

// The thread runs before others of the load generator, if the system permits: it is the stopwatch, not the load.
void run_first();

}  // namespace cwtch::loadgen
