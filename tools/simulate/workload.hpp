// What a simulated run of the log does: how many records of which sizes, into a log of which shape, with which faults.
// Everything is drawn from the seed, so that many small runs reach many shapes.
#pragma once

#include <string>

#include "engine/core/bytes.hpp"
#include "engine/log/log.hpp"
#include "engine/sim/dice.hpp"
#include "engine/sim/faults.hpp"

namespace cwtch::simulate {

// Which part of the space is searched. The tests name theirs, so that a failure of theirs can be replayed.
enum class Focus : uint8_t {
  all,             // everything is drawn
  one_length,      // records of one length, many lives: what our clients post; some bugs show with nothing else
  recovery_steps,  // small logs, every recovery cut at each of its steps
};
constexpr const char* kFocusNames[] = {"all", "one-length", "recovery-steps"};

struct Workload {
  log::Options log;
  sim::Faults faults;
  sim::DiskFaults disk_faults;  // while a log is open; making one and recovering one goes well
  uint32_t lives = 3;           // power cuts that the log itself lives through, one after the other
  uint32_t records_per_life = 40;
  uint32_t record_bytes = 2800;           // 0: of varied size
  double repeat = 0.03, conflict = 0.02;  // posts of what is there already, of its key with other bytes
  uint32_t images_per_boundary_max = 2;
  // Every so many images: cut again at each boundary of the recovery itself. 0: never.
  uint32_t recovery_cuts_every = 16;
  uint32_t recovery_images_per_boundary = 1;

  static Workload draw(uint64_t seed, Focus focus = Focus::all);
};

// A record drawn from `seed`, of `bytes_wanted` bytes or, if that is 0, of a drawn size.
Bytes make_record(uint64_t seed, uint32_t bytes_wanted);

}  // namespace cwtch::simulate
