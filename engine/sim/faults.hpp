// What goes wrong in a simulated world, and how often. All zero: a world in which everything works, at varying speed.
#pragma once

#include <cstdint>
#include <vector>

namespace cwtch::sim {

// Calls on the disk that can fail, be counted and be cut at.
enum class DiskCall : uint8_t {
  open,  // of an existing file
  create,
  read,
  write,
  sync,
  truncate,
  rename,
  unlink,
  make_directory,
  sync_directory,
  list,
  any,  // for Scripted: whichever comes
};
constexpr int kDiskCalls = static_cast<int>(DiskCall::any);
const char* name(DiskCall call);

// The `index`-th call of this kind from now on (from 0) fails with `error`; `ever_after`: and all later ones do.
struct Scripted {
  DiskCall call;
  uint64_t index;
  int error;  // errno
  bool ever_after = false;
};

struct DiskFaults {
  // Chance per call. A write or sync that fails leaves each of its sectors old, new or garbage for good; a later sync
  // of the same file succeeds without writing them (the page cache calls them clean).
  double read_error = 0, write_error = 0, sync_error = 0, name_error = 0;
  double short_read = 0, short_write = 0;  // of the asynchronous calls; direct ones in whole blocks
  uint64_t capacity_bytes = UINT64_MAX;    // ENOSPC beyond
  bool buffered = false;                   // the file system refuses O_DIRECT: all goes through the page cache
};

// Chances per event, times in nanoseconds.
struct NetworkFaults {
  double partial_send = 0.2, partial_receive = 0.2;  // of any size from 1
  double busy = 0.05;                                // EAGAIN although there was room
  double reset = 0;                                  // per send: both ends fail, what was on its way is lost
  double stall = 0;                                  // per send: a long delay before it arrives
  double accept_error = 0;                           // EMFILE
  uint64_t delay_ns_max = 200'000;
  uint64_t stall_ns_max = 2'000'000'000;
  uint32_t buffer_bytes = 128 * 1024;  // per direction, when the listener asks for nothing else
};

struct Faults {
  DiskFaults disk;
  NetworkFaults network;
  uint64_t disk_ns_min = 10'000, disk_ns_max = 2'000'000;  // duration of a disk call, log-uniform
  double pause = 0.01;                                     // per turn of a loop: its thread is away for a while
  uint64_t pause_ns_max = 5'000'000;
};

}  // namespace cwtch::sim
