// Fixed marks of time. A member's own work (matching, choosing, encrypting, decrypting) is done before one, and what
// the server may see begins at it, so that how long the work took shows nowhere.
#pragma once

#include <cstdint>

namespace cwtch::client {

// A test's passes as it likes.
class MarkClock {
 public:
  virtual ~MarkClock() = default;
  virtual uint64_t now_ms() = 0;
  virtual void wait_until(uint64_t ms) = 0;  // at once if it is past
  virtual void worked() {}                   // called where a member's own work was done
};

// Marks `every_ms` apart, the first so long after this was made or begun again.
class Marks {
 public:
  Marks(MarkClock& clock, uint32_t every_ms) : clock_(clock), every_ms_(every_ms) { begin(); }

  void begin() { last_ms_ = clock_.now_ms(); }
  // Waits for the next mark that is not past: of what took longer than one, no more shows than how many it took.
  void next() {
    if (every_ms_ == 0) return;
    last_ms_ += every_ms_;
    for (const uint64_t now_ms = clock_.now_ms(); last_ms_ < now_ms; overran_ = true) last_ms_ += every_ms_;
    clock_.wait_until(last_ms_);
  }
  // Whether work, or the network, took longer than a mark at least once: then the server may have seen for how many.
  bool overran() const { return overran_; }

 private:
  MarkClock& clock_;
  const uint64_t every_ms_;
  uint64_t last_ms_ = 0;
  bool overran_ = false;
};

}  // namespace cwtch::client
