// The log between two power cuts: posts go in at drawn moments, answers and publications are compared with the truth,
// and at every I/O boundary images of the disk are set aside to be checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/sim/world.hpp"
#include "tools/simulate/image_check.hpp"
#include "tools/simulate/truth.hpp"
#include "tools/simulate/workload.hpp"

namespace cwtch::simulate {

class LogLife {
 public:
  LogLife(sim::World& world, const Workload& workload, Truth& truth, uint64_t seed);
  ~LogLife();  // REQUIRES: close() or cut() was called, or open() failed

  // Opens the log (made before) and compares what it finds with truth.promise. False: failure() says why.
  bool open();
  // Posts so many, with pauses, repeats and conflicts in between. `settle`: then waits until all are answered.
  void post(uint32_t records, bool settle);
  // Lets so much time pass, in turns: sealing and merging get on.
  void rest(uint64_t duration_ns);
  // Ends in order: everything in flight is awaited, all is read once more, the log is closed.
  void close();
  // The program is killed now; what it wrote stays in the page cache. Returns the disk to go on with.
  sim::Disk kill(uint64_t seed);
  // The power fails now. Returns the image to go on with; truth.promise says what it must hold.
  sim::Disk cut(uint64_t seed);

  // Reads all by the format alone. Empty, or what is not as promised.
  std::string read_all();
  // No image is made from here on.
  void stop_images() { world_.disk().on_boundary({}); }

  const std::string& failure() const { return failure_; }
  log::Log& log() { return *log_; }
  io::Io& io() { return *io_; }
  void turn(bool wait);

  struct Counts {
    uint64_t images = 0, boundaries = 0, acknowledged = 0, repeats = 0, conflicts = 0, busy = 0, read_only = 0;
  } counts;

 private:
  struct Post : public log::Append {
    enum class Kind : uint8_t { fresh, repeat, conflict } kind = Kind::fresh;
    LogLife* life = nullptr;
    Record record;
    uint64_t repeats = 0;  // the position of what it repeats
    bool answered = false;
    bool started = false;  // append() has returned
  };
  struct Image {
    sim::Disk disk;
    Promise promise;
    uint64_t boundary;
    uint64_t seed;
    bool killed;  // the program, not the power
  };

  void post_fresh();
  void post_again(bool conflict);
  void start(std::unique_ptr<Post> post);
  void answered(Post& post);
  void acknowledged(Post& post);
  void published();
  void at_boundary();
  sim::Disk end_now(sim::Disk left);
  void check_images();
  void wind_up();
  void fail(const std::string& what);

  sim::World& world_;
  const Workload& workload_;
  Truth& truth_;
  sim::Dice dice_;
  sim::Dice image_dice_;
  ImageCheck check_;
  std::unique_ptr<io::Io> io_;
  std::unique_ptr<log::Log> log_;
  std::vector<std::unique_ptr<Post>> posts_;
  std::vector<Image> images_;
  uint64_t images_seen_ = 0;
  bool off_ = false;
  std::string failure_;
};

}  // namespace cwtch::simulate
