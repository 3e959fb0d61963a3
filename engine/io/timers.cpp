#include "engine/io/timers.hpp"

namespace cwtch::io {

void Timers::add(Operation& timer) {
  const Entry entry{timer.offset_, started_count_++, &timer};
  heap_.push_back(entry);
  rise(heap_.size() - 1, entry);
}

void Timers::remove(Operation& timer) {
  CHECK(timer.size_ < heap_.size());
  CHECK(heap_[timer.size_].timer == &timer);
  erase(timer.size_);
}

Operation* Timers::pop_due(uint64_t now_ns) {
  if (earliest() > now_ns || heap_.empty()) return nullptr;
  Operation* const timer = heap_.front().timer;
  erase(0);
  return timer;
}

void Timers::place(size_t index, const Entry& entry) {
  heap_[index] = entry;
  entry.timer->size_ = index;
}

void Timers::rise(size_t index, const Entry& entry) {
  while (index > 0) {
    const size_t parent = (index - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void Timers::sink(size_t index, const Entry& entry) {
  for (size_t child = 2 * index + 1; child < heap_.size(); child = 2 * index + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

void Timers::erase(size_t index) {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  // The last entry takes the free place; from there it may belong higher or lower.
  if (index > 0 && last.before(heap_[(index - 1) / 2])) {
    rise(index, last);
  } else {
    sink(index, last);
  }
}

}  // namespace cwtch::io
