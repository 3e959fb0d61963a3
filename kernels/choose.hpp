// Which of several targets runs: the last usable one, or the one that the environment variable CWTCH_KERNEL names.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cwtch::kernels {

// CWTCH_KERNEL names one target for all kernels, so a kernel that has no target of that name, because it would not pay,
// takes the best below it in `order`. An unknown name, or one that this processor cannot
// run, ends the program: a bench that silently measured something else would be worse.
template <class Target>
const Target& choose(const Target* targets, size_t count) {
  static constexpr const char* kOrder[] = {"scalar", "avx2", "avx512"};
  const char* wanted = std::getenv("CWTCH_KERNEL");
  if (wanted == nullptr || *wanted == 0) {
    const Target* best = targets;
    for (size_t i = 0; i < count; ++i) {
      if (targets[i].usable()) best = &targets[i];
    }
    return *best;
  }
  const Target* below = nullptr;
  for (const char* name : kOrder) {
    for (size_t i = 0; i < count; ++i) {
      if (std::strcmp(targets[i].name, name) == 0) below = &targets[i];
    }
    if (std::strcmp(name, wanted) != 0) continue;
    if (below->usable()) return *below;
    std::fprintf(stderr, "CWTCH_KERNEL=%s: this processor cannot run it; unset it, or use scalar\n", wanted);
    std::abort();
  }
  std::fprintf(stderr, "CWTCH_KERNEL=%s: no such target; known are scalar, avx2, avx512\n", wanted);
  std::abort();
}

}  // namespace cwtch::kernels
