#include "engine/core/random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "engine/core/check.hpp"

namespace cwtch {

void SystemRandom::fill(MutableBytes to) {
  while (!to.empty()) {
    const ssize_t got = getrandom(to.data(), to.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);
    to = to.subspan(static_cast<size_t>(got));
  }
}

uint64_t SeededRandom::step() {
  state_ += 0x9E3779B97F4A7C15u;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

void SeededRandom::fill(MutableBytes to) {
  while (!to.empty()) {
    const uint64_t value = step();
    const size_t size = std::min(to.size(), sizeof value);
    std::memcpy(to.data(), &value, size);
    to = to.subspan(size);
  }
}

}  // namespace cwtch
