// Timers in the order in which they are due: a binary heap. Equal deadlines come in the order of their start.
//
// Thread:  the Io's own.
// Memory:  24 bytes per timer; grows only when more run at once than ever before.
#pragma once

#include <vector>

#include "engine/io/operation.hpp"

namespace cwtch::io {

class Timers {
 public:
  static constexpr uint64_t kNever = UINT64_MAX;

  void add(Operation& timer);     // due at timer.offset_; keeps its place in timer.size_
  void remove(Operation& timer);  // REQUIRES: added, neither removed nor popped
  uint64_t earliest() const { return heap_.empty() ? kNever : heap_.front().deadline_ns; }
  Operation* pop_due(uint64_t now_ns);  // nullptr when none is

 private:
  struct Entry {
    uint64_t deadline_ns;
    uint64_t sequence;
    Operation* timer;
    bool before(const Entry& other) const {
      return deadline_ns != other.deadline_ns ? deadline_ns < other.deadline_ns : sequence < other.sequence;
    }
  };
  void place(size_t index, const Entry& entry);
  void rise(size_t index, const Entry& entry);
  void sink(size_t index, const Entry& entry);
  void erase(size_t index);

  std::vector<Entry> heap_;
  uint64_t started_count_ = 0;
};

}  // namespace cwtch::io
