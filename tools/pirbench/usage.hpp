// What this process uses and what this machine is: CPU seconds, memory and its peak, the processor's name.
//
// Thread: any.
#pragma once

#include <cstdint>
#include <string>

namespace cwtch::pirbench {

double wall_seconds();
// Of all threads of this process.
double cpu_seconds();

// The most memory that this process has held since reset_peak(); since its start where the system cannot reset it.
void reset_peak();
uint64_t peak_bytes();

// That new work may use: what the system, and a control group if there is one, have left.
uint64_t available_bytes();

struct MachineInfo {
  std::string cpu;
  uint64_t cores = 0;
  uint64_t memory_bytes = 0;
  std::string kernel_target;  // "avx512"; "scan avx2, ring scalar, pack scalar" where they differ
  std::string commit;
  std::string label;
};
MachineInfo machine_info(const std::string& label);

}  // namespace cwtch::pirbench
