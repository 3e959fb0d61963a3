#include "engine/sim/world.hpp"

#include <algorithm>

#include "engine/sim/fiber.hpp"
#include "engine/sim/network.hpp"
#include "engine/sim/sim_files.hpp"
#include "engine/sim/sim_io.hpp"

namespace cwtch::sim {
namespace {

constexpr uint64_t kHour = 3600;

}  // namespace

struct World::Worker {
  Fiber fiber;
  void (*function)(void*) = nullptr;
  void* argument = nullptr;
  std::function<void()> done;
  Event event{};  // resumes it

  void finish_if_idle() {
    if (fiber.idle() && done) std::exchange(done, nullptr)();
  }
};

World::World(uint64_t seed, const Faults& faults) : World(seed, Disk(seed ^ 0x5EED0D15Cu, faults.disk), faults) {}

World::World(uint64_t seed, Disk disk, const Faults& faults)
    : seed_(seed),
      faults_(faults),
      dice_(seed),
      disk_dice_(dice_.split(1)),
      random_(dice_.split(2).next()),
      wall_offset_s_(static_cast<int64_t>(1'750'000'000 + dice_.below(10'000) * 600)),
      disk_(std::move(disk)),
      network_(std::make_unique<Network>(*this, dice_.split(3))),
      files_(std::make_unique<SimFiles>(disk_, this)) {}

World::~World() { switch_off(); }

void World::switch_off() {
  CHECK(Fiber::current() == nullptr);
  disk_.switch_off();
  for (const auto& worker : workers_) {
    if (!worker->fiber.idle()) take_back(worker->event);
    while (!worker->fiber.idle()) worker->fiber.resume();
    worker->finish_if_idle();
  }
}

std::unique_ptr<io::Io> World::make_io() { return std::make_unique<SimIo>(*this, dice_.split(4)); }

uint64_t World::VirtualClock::wall_hour_s() const {
  const uint64_t seconds = static_cast<uint64_t>(world_.wall_offset_s_) + world_.now_ns_ / kSecond;
  return seconds / kHour * kHour;
}

void World::set_wall_s(uint64_t seconds) {
  wall_offset_s_ = static_cast<int64_t>(seconds) - static_cast<int64_t>(now_ns_ / kSecond);
}

World::Event World::after(uint64_t delay_ns, std::function<void()> function) {
  Event event{now_ns_ + delay_ns, dice_.next()};
  while (!events_.try_emplace(event, std::move(function)).second) ++event.second;
  return event;
}

bool World::advance() {
  CHECK(Fiber::current() == nullptr);
  if (events_.empty()) return false;
  auto next = events_.extract(events_.begin());
  now_ns_ = std::max(now_ns_, next.key().first);
  next.mapped()();
  return true;
}

void World::advance_by(uint64_t duration_ns) {
  const uint64_t end = now_ns_ + duration_ns;
  while (!events_.empty() && events_.begin()->first.first <= end) advance();
  now_ns_ = std::max(now_ns_, end);
}

void World::spend(uint64_t low_ns, uint64_t high_ns) { advance_by(dice_.between(low_ns, high_ns)); }

uint64_t World::disk_call_ns() {
  uint64_t duration = faults_.disk_ns_min;
  uint64_t doublings = 0;
  while (duration << (doublings + 1) <= faults_.disk_ns_max) ++doublings;
  duration <<= disk_dice_.below(doublings + 1);
  return duration + disk_dice_.below(duration + 1);
}

// ---- worker functions ----

void World::run_on_fiber(void (*function)(void*), void* argument, std::function<void()> done) {
  Worker* idle = nullptr;
  for (const auto& worker : workers_) {
    if (worker->fiber.idle() && !worker->done) idle = worker.get();
  }
  if (idle == nullptr) idle = workers_.emplace_back(std::make_unique<Worker>()).get();
  Worker& worker = *idle;
  worker.done = std::move(done);
  worker.fiber.start(function, argument);
  worker.finish_if_idle();
}

void World::wait_for_disk() {
  Fiber* const fiber = Fiber::current();
  if (fiber == nullptr || disk_.off()) return;
  const auto worker =
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& one) { return &one->fiber == fiber; });
  CHECK(worker != workers_.end());
  Worker* const waiting = worker->get();
  waiting->event = after(disk_call_ns(), [waiting] {
    waiting->fiber.resume();
    waiting->finish_if_idle();
  });
  Fiber::pause();
}

// ---- loops ----

void World::add_loop(io::Io& io, std::function<void()> turn) {
  loops_.push_back({static_cast<SimIo*>(&io), std::move(turn), 0});
}

bool World::run_until(const std::function<bool()>& done, uint64_t limit_ns) {
  const uint64_t end = now_ns_ + limit_ns;
  while (!done()) {
    if (now_ns_ > end) return false;
    std::vector<Loop*> runnable;
    uint64_t wake_ns = UINT64_MAX;
    for (Loop& loop : loops_) {
      if (!loop.io->ready()) continue;
      if (loop.paused_until_ns <= now_ns_) {
        runnable.push_back(&loop);
      } else {
        wake_ns = std::min(wake_ns, loop.paused_until_ns);
      }
    }
    if (runnable.empty()) {
      if (wake_ns != UINT64_MAX && (events_.empty() || events_.begin()->first.first > wake_ns)) {
        advance_by(wake_ns - now_ns_);
      } else if (!advance()) {
        return false;
      }
      continue;
    }
    Loop& loop = *runnable[dice_.below(runnable.size())];
    loop.turn();
    if (dice_.chance(faults_.pause)) loop.paused_until_ns = now_ns_ + dice_.below(faults_.pause_ns_max + 1);
  }
  return true;
}

}  // namespace cwtch::sim
