#include "engine/log/layout.hpp"

namespace cwtch::log {

// A sequence lock with one writer: odd while the pair is being changed. The fields are atomics, so a torn pair is only
// ever discarded, never undefined.
void Shared::publish(Committed committed) {
  const uint32_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  end_.store(committed.end.value, std::memory_order_relaxed);
  offset_.store(committed.offset, std::memory_order_relaxed);
  sequence_.store(sequence + 2, std::memory_order_release);
}

Shared::Committed Shared::committed() const {
  while (true) {
    const uint32_t before = sequence_.load(std::memory_order_acquire);
    const Committed committed{{end_.load(std::memory_order_relaxed)}, offset_.load(std::memory_order_relaxed)};
    std::atomic_thread_fence(std::memory_order_acquire);
    if (before % 2 == 0 && before == sequence_.load(std::memory_order_relaxed)) return committed;
  }
}

void Shared::publish(std::shared_ptr<const Layout> layout) {
  const uint64_t version = layout->version;
  {
    const std::lock_guard lock(mutex_);
    layout_.swap(layout);
  }
  layout_version.store(version, std::memory_order_release);
}

std::shared_ptr<const Layout> Shared::layout() const {
  const std::lock_guard lock(mutex_);
  return layout_;
}

}  // namespace cwtch::log
