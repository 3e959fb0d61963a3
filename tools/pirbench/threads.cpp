#include "tools/pirbench/threads.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace cwtch::pirbench {

pir::Parallel on_threads(uint64_t count) {
  if (count == 1) return pir::run_serially;
  return [count](size_t tasks, const std::function<void(size_t)>& task) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t mine = next++; mine < tasks; mine = next++) task(mine);
    };
    std::vector<std::thread> others;
    for (size_t i = 1; i < std::min<size_t>(count, tasks); ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
  };
}

}  // namespace cwtch::pirbench
