#include "engine/sim/fiber.hpp"

#include <cstring>

#include "engine/core/check.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define CWTCH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CWTCH_ASAN 1
#endif
#endif
#ifdef CWTCH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace cwtch::sim {
namespace {

void leave_stack([[maybe_unused]] void** fake, [[maybe_unused]] const void* bottom, [[maybe_unused]] size_t size) {
#ifdef CWTCH_ASAN
  __sanitizer_start_switch_fiber(fake, bottom, size);
#endif
}
void arrive_on_stack([[maybe_unused]] void* fake, [[maybe_unused]] const void** bottom, [[maybe_unused]] size_t* size) {
#ifdef CWTCH_ASAN
  __sanitizer_finish_switch_fiber(fake, bottom, size);
#endif
}

}  // namespace

Fiber* Fiber::current_ = nullptr;

Fiber::Fiber() : stack_(new uint8_t[kStackBytes]) { std::memcpy(stack_.get(), &kCanary, sizeof kCanary); }

Fiber::~Fiber() { CHECK(idle()); }

void Fiber::start(void (*function)(void*), void* argument) {
  CHECK(idle());
  function_ = function;
  argument_ = argument;
  CHECK(getcontext(&inside_) == 0);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;  // main() never returns
  makecontext(&inside_, &Fiber::main, 0);
  fake_inside_ = nullptr;
  enter();
}

void Fiber::resume() {
  CHECK(!idle());
  enter();
}

void Fiber::enter() {
  CHECK(current_ == nullptr);
  current_ = this;
  leave_stack(&fake_outside_, stack_.get(), kStackBytes);
  swapcontext(&outside_, &inside_);
  arrive_on_stack(fake_outside_, nullptr, nullptr);
  current_ = nullptr;
  CHECK(std::memcmp(stack_.get(), &kCanary, sizeof kCanary) == 0);
}

void Fiber::pause() {
  Fiber* const self = current_;
  CHECK(self != nullptr);
  leave_stack(&self->fake_inside_, self->outside_bottom_, self->outside_bytes_);
  swapcontext(&self->inside_, &self->outside_);
  arrive_on_stack(self->fake_inside_, &self->outside_bottom_, &self->outside_bytes_);
}

void Fiber::main() {
  Fiber* const self = current_;
  arrive_on_stack(nullptr, &self->outside_bottom_, &self->outside_bytes_);
  self->function_(self->argument_);
  self->function_ = nullptr;
  leave_stack(nullptr, self->outside_bottom_, self->outside_bytes_);  // null: this stack's frames are done for good
  setcontext(&self->outside_);
  check_failed("a finished fiber stays finished", __FILE__, __LINE__);
}

}  // namespace cwtch::sim
