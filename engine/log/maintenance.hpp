// What becomes of records after they are durable: sealing, merging, retention, key runs. All file work is on workers,
// in three lanes that run beside each other: sealing must not wait for a long merge, and only one lane writes the
// manifest.
//
//   tail part -> [seal lane: segment, index, key run] -> [manifest lane: list it] -> owner
//   neighbours -> [merge lane: merged files]          -> [manifest lane: list it, unlink the parts] -> owner
//
// Thread:  the writer's; the owner hears on it.
// Space:   a merge writes everything anew before it frees anything, so it starts only where twice of what it needs is
//          free: sealing must not find the medium full because of it.
// Failure: no_space and busy (no descriptors) stall the sealing and the manifest lane: retry() starts it again from the
//          beginning, on new files. A merge that lacks either is given up, and none of its kind begun for kMergePause
//          retries.
//          corrupt in a merge leaves the parts as they are, for good. Anything else is reported once, and nothing is
//          started any more.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/io/io.hpp"
#include "engine/log/key_run.hpp"
#include "engine/log/manifest.hpp"
#include "engine/log/segment_file.hpp"
#include "engine/log/tail.hpp"

namespace cwtch::log {

class Maintenance {
 public:
  static constexpr uint32_t kMergePause = 240;  // calls of retry(): a minute
  enum class Merge : uint8_t { segments, runs, rebuild };

  // What is in force now, on stable storage. Any of the pointers may be null.
  struct Done {
    bool sealed = false;                     // the front of the tail is in `segment`
    std::shared_ptr<const Segment> segment;  // new or merged
    std::shared_ptr<const KeyRun> run;       // new, merged or built anew
    std::optional<Position> first_retained;
  };
  class Owner {
   public:
    virtual void maintenance_done(const Done& done) = 0;
    virtual void maintenance_failed(const Error& error) = 0;
    virtual void maintenance_damage(const std::string& file, const Error& error) = 0;  // found while merging

   protected:
    ~Owner() = default;
  };

  Maintenance(io::Files& files, std::string directory, const KeySecret& secret, uint32_t row_bytes, Manifest manifest,
              Owner& owner);
  ~Maintenance();  // REQUIRES: idle()

  void start(io::Io& io) { io_ = &io; }
  bool idle() const { return !seal_.work.in_flight() && !merge_.work.in_flight() && !manifest_lane_.work.in_flight(); }
  bool failed() const { return failed_; }
  // For lack of space, until something has been made and listed again: a retry alone is no reason to take posts.
  bool stalled() const { return seal_.no_space || manifest_lane_.no_space; }
  bool sealing() const { return seal_.busy; }
  bool merging() const { return merge_.busy; }
  // For lack of space; other kinds may need less, and retire() gives some back.
  bool pauses(Merge kind) const { return merge_pause_[static_cast<size_t>(kind)] > 0; }
  void stop() { stopping_ = true; }  // nothing new is started
  void retry();                      // after a stall; call it now and then

  // REQUIRES: !sealing(), part.closed, all of its records durable. The part stays in the tail until maintenance_done.
  void seal(const TailPart& part);
  // Each REQUIRES: !merging(), and all but retire() !pauses(its kind). merge_segments ignores neighbours with known
  // damage: see mergeable().
  void merge_segments(std::vector<std::shared_ptr<const Segment>> parts);
  void merge_runs(std::vector<RunName> names);
  void rebuild_run(const RunName& name, std::vector<std::shared_ptr<const Segment>> segments);
  void retire(Position first_retained);

  bool mergeable(const Segment& segment) const { return damaged_.count(segment.first.value) == 0; }
  const ManifestState& manifest() const { return manifest_state_; }

 private:
  struct Lane {
    io::Work work;
    bool busy = false;
    bool stalled = false;   // waits for retry()
    bool no_space = false;  // stalled, or trying again
  };
  struct Listing {
    Change change;
    Done done;
    Lane* lane;  // free again once it is listed
  };

  void seal_run();
  void seal_done(io::Work&);
  void merge_run();
  void merge_work();
  Result<std::shared_ptr<const KeyRun>> rebuild_work();
  Status room_to_merge() const;
  void merge_done(io::Work&);
  void list(Listing listing);
  void list_start();
  void list_run();
  void list_done(io::Work&);
  void fail_all(const Error& error);
  Position first_retained() const { return manifest_state_.first_retained; }

  io::Files& files_;
  const std::string directory_;
  const KeySecret secret_;
  const uint32_t row_bytes_;
  Owner& owner_;
  io::Io* io_ = nullptr;
  bool failed_ = false;
  bool stopping_ = false;

  Lane seal_;
  TailPart sealing_part_;
  uint64_t sealing_index_offset_ = 0;
  Result<SegmentEntry> sealed_ = fail(Errc::busy, "");
  Result<std::shared_ptr<const KeyRun>> sealed_run_ = fail(Errc::busy, "");

  Lane merge_;
  std::array<uint32_t, 3> merge_pause_{};
  Merge merge_kind_ = Merge::segments;
  std::vector<std::shared_ptr<const Segment>> merge_parts_;
  std::vector<RunName> merge_names_;
  RunName merge_to_;
  size_t merge_damaged_ = 0;
  uint64_t merge_hour_s_ = 0;
  Position merge_first_retained_;
  Result<SegmentEntry> merged_ = fail(Errc::busy, "");
  Result<std::shared_ptr<const KeyRun>> merged_run_ = fail(Errc::busy, "");
  std::set<uint64_t> damaged_;  // first positions of segments that did not verify

  Lane manifest_lane_;
  Manifest manifest_;             // the worker's while manifest_lane_ works
  ManifestState manifest_state_;  // ours: a copy of what is in force
  std::deque<Listing> changes_;
  Status listed_;
  std::shared_ptr<const Segment> listed_segment_;
};

}  // namespace cwtch::log
