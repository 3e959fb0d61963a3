// A function on a stack of its own that can stop in the middle and be resumed: how the simulator runs "worker threads"
// on its one thread, so that their file calls interleave with everything else in an order drawn from the seed.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace cwtch::sim {

class Fiber {
 public:
  Fiber();
  ~Fiber();  // REQUIRES: idle()
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  bool idle() const { return function_ == nullptr; }
  // Runs function(argument) until it ends or calls pause(). REQUIRES: idle(), not inside a fiber.
  void start(void (*function)(void*), void* argument);
  void resume();  // REQUIRES: paused, not inside a fiber

  static Fiber* current() { return current_; }
  static void pause();  // REQUIRES: inside a fiber; returns when resumed

 private:
  void enter();
  static void main();

  static Fiber* current_;
  static constexpr size_t kStackBytes = 4 << 20;           // only touched pages cost memory
  static constexpr uint64_t kCanary = 0x5EA1ED57AC4B0770;  // at the far end: an overrun is found at the next switch

  std::unique_ptr<uint8_t[]> stack_;
  ucontext_t inside_{}, outside_{};
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  // For AddressSanitizer, which has to know which stack is in use.
  void* fake_inside_ = nullptr;
  void* fake_outside_ = nullptr;
  const void* outside_bottom_ = nullptr;
  size_t outside_bytes_ = 0;
};

}  // namespace cwtch::sim
