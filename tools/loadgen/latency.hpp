// How long things took: a histogram with a fixed size and a relative error below 1/64, whatever the unit.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace cwtch::loadgen {

class Latency {
 public:
  void add(uint64_t ns) {
    ++counts_[bucket(ns)];
    ++count_;
    if (ns > max_) max_ = ns;
  }
  void merge(const Latency& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    if (other.max_ > max_) max_ = other.max_;
  }
  uint64_t count() const { return count_; }
  uint64_t max_ns() const { return max_; }
  // The smallest bucket bound that at least `fraction` of the values do not exceed; never above the true maximum.
  uint64_t quantile_ns(double fraction) const {
    const auto wanted = static_cast<uint64_t>(fraction * static_cast<double>(count_));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return upper_bound(i) < max_ ? upper_bound(i) : max_;
    }
    return max_;
  }

 private:
  // 64 linear steps per power of two: value = (64 + step) << shift for step in [0, 64).
  static constexpr uint64_t kSteps = 64;
  static size_t bucket(uint64_t ns) {
    if (ns < kSteps) return static_cast<size_t>(ns);
    const auto shift = static_cast<size_t>(std::bit_width(ns)) - 7;
    return (shift + 1) * kSteps + static_cast<size_t>((ns >> shift) - kSteps);
  }
  static uint64_t upper_bound(size_t bucket) {
    if (bucket < kSteps) return bucket;
    const size_t shift = bucket / kSteps - 1;
    return ((kSteps + bucket % kSteps + 1) << shift) - 1;
  }

  std::array<uint64_t, 59 * kSteps> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace cwtch::loadgen
