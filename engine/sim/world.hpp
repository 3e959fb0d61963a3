// A simulated machine: clock, randomness, disk and network, all drawn from one seed, on one thread.
//
//   sim::World world(seed);
//   auto io = world.make_io();             // as many as there are shards
//   ... log::Log::open(world.files(), world.clock(), world.random(), ...), log->start(*io) ...
//   while (!done) io->turn(true);          // one shard: turn() moves time on when nothing is ready
//   world.add_loop(*io, turn); world.run_until(done);   // several: whose turn it is is drawn from the seed
//
// Time:    virtual. It moves only here, from one event to the next; events at the same time come in drawn order.
// Workers: Io::work() functions run on fibers: each of their file calls takes time, in which everything else goes on.
//          File calls from elsewhere happen at once.
// Replay:  the same seed, faults and program give the same run, to the last bit.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/core/clock.hpp"
#include "engine/core/random.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "engine/sim/dice.hpp"
#include "engine/sim/disk.hpp"
#include "engine/sim/faults.hpp"

namespace cwtch::sim {

class Fiber;
class Network;
class SimIo;

class World {
 public:
  explicit World(uint64_t seed, const Faults& faults = {});
  World(uint64_t seed, Disk disk, const Faults& faults = {});  // goes on with what a power cut has left
  ~World();                                                    // REQUIRES: every Io is gone. Switches off.
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  uint64_t seed() const { return seed_; }
  Dice& dice() { return dice_; }
  const Faults& faults() const { return faults_; }
  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  Disk& disk() { return disk_; }
  Network& network() { return *network_; }
  io::Files& files() { return *files_; }
  std::unique_ptr<io::Io> make_io();  // must not outlive the World

  // ---- time ----
  uint64_t now_ns() const { return now_ns_; }
  void set_wall_s(uint64_t seconds);  // what the wall clock says now: also backwards
  // An event; its key takes it back. `function` must not run callbacks of an Io.
  using Event = std::pair<uint64_t, uint64_t>;
  Event after(uint64_t delay_ns, std::function<void()> function);
  void take_back(const Event& event) { events_.erase(event); }
  bool advance();                         // runs the next event; false: there is none
  void advance_by(uint64_t duration_ns);  // runs all events of that span

  // ---- loops: one per shard ----
  // `turn` is one round of a shard's loop, with one io.turn(). It is called when `io` has something to deliver.
  void add_loop(io::Io& io, std::function<void()> turn);
  // Runs loops and events until done(). False: nothing can happen any more, or `limit_ns` have passed.
  bool run_until(const std::function<bool()>& done, uint64_t limit_ns = 3600 * kSecond);

  // The power fails: file calls end with EIO and change nothing, and worker functions run to their end, so that the
  // program can be wound up. Take the image (disk().power_cut) before.
  void switch_off();

  // ---- for SimIo and SimFiles ----
  void run_on_fiber(void (*function)(void*), void* argument, std::function<void()> done);
  // Inside a worker function: lets the time of a disk call pass. Elsewhere: nothing.
  void wait_for_disk();
  uint64_t disk_call_ns();
  void spend(uint64_t low_ns, uint64_t high_ns);  // of processor time; events that fall due happen

 private:
  class VirtualClock final : public Clock {
   public:
    explicit VirtualClock(const World& world) : world_(world) {}
    uint64_t monotonic_ns() const override { return world_.now_ns_; }
    uint64_t wall_hour_s() const override;

   private:
    const World& world_;
  };
  struct Loop {
    SimIo* io;
    std::function<void()> turn;
    uint64_t paused_until_ns;
  };
  struct Worker;

  const uint64_t seed_;
  Faults faults_;
  Dice dice_;
  Dice disk_dice_;
  VirtualClock clock_{*this};
  SeededRandom random_;
  uint64_t now_ns_ = kSecond;
  int64_t wall_offset_s_;
  std::map<Event, std::function<void()>> events_;
  Disk disk_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<io::Files> files_;
  std::vector<Loop> loops_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace cwtch::sim
