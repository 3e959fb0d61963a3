#include "tools/common/threads.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace cwtch::tools {

std::function<void(size_t, const std::function<void(size_t)>&)> on_threads(uint64_t count) {
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

}  // namespace cwtch::tools
