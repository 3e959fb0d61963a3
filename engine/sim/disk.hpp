// A simulated disk: files and directories, and for each of them what is durable and what a power cut may still take.
//
// Model:   512-byte sectors that are in flight, or written and not synced, are after a power cut old, new or garbage,
// in
//          any combination; others never change. A file's size is drawn likewise. Names created, renamed and removed
//          are pending until sync_directory(); a power cut keeps any of them (a rename as a whole). A durable write
//          makes its own sectors and the size they need durable, nothing else. A name does not become durable by
//          syncing the file.
// Errors:  see DiskFaults; negative errno where an int is returned.
// Thread:  one, shared with all images made from it.
// Time:    none: a call that takes time has a start and an end, and the caller decides what lies between.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/files.hpp"
#include "engine/sim/content.hpp"
#include "engine/sim/faults.hpp"

namespace cwtch::sim {

class Disk {
 public:
  explicit Disk(uint64_t seed, const DiskFaults& faults = {});
  Disk(Disk&&) noexcept;
  Disk& operator=(Disk&&) noexcept;
  ~Disk();

  // ---- faults ----
  DiskFaults& faults() { return faults_; }
  void script(const Scripted& fault);
  void script_clear() { scripted_.clear(); }
  uint64_t calls(DiskCall call) const;  // so far; `any`: of all kinds
  uint64_t failures() const { return failures_; }
  // From now on every call fails with EIO and changes nothing: what is left of a machine whose power is gone.
  void switch_off() { off_ = true; }
  bool off() const { return off_; }
  void make_unreadable(const std::string& path, uint64_t offset);            // EIO for reads of that sector
  void change_byte(const std::string& path, uint64_t offset, uint8_t flip);  // what a decaying medium does

  // ---- power cuts ----
  // The disk after a power cut at this moment; what was not durable is drawn from `seed`. Cheap: bytes are shared.
  Disk power_cut(uint64_t seed) const;
  // The disk after the program alone was killed at this moment: what it had written is seen by the next one, and is as
  // little durable as before. Writes in flight reach the page cache or do not; a sync in flight proves nothing.
  Disk process_crash(uint64_t seed) const;
  // Called when something has begun or ended that a power cut could separate: before and after each write, sync and
  // change of names. The function may make images, but must not call the disk.
  void on_boundary(std::function<void()> function) { boundary_ = std::move(function); }
  uint64_t boundaries() const { return boundaries_; }

  // ---- calls that take time: SimIo and SimFiles run other events between start and end ----
  uint64_t write_start(io::File file, ByteView bytes, uint64_t offset, bool durable);
  // `whole`: no short write. CHECKs that the caller's bytes did not change in between.
  int64_t write_end(uint64_t write, bool whole);
  uint64_t sync_start(io::File file);
  int sync_end(uint64_t sync);
  int64_t read(io::File file, MutableBytes to, uint64_t offset, bool whole);
  uint64_t sync_directory_start(const std::string& path);
  int sync_directory_end(uint64_t sync);

  // ---- calls that happen at once ----
  Result<io::File> open(const std::string& path, const io::OpenMode& mode);
  Result<io::File> lock(const std::string& path);
  void close(io::File file);
  uint64_t size(io::File file) const;
  int truncate(io::File file, uint64_t size);
  int make_directory(const std::string& path);
  Result<std::vector<std::string>> list(const std::string& path);
  int rename(const std::string& from, const std::string& to);
  int unlink(const std::string& path);
  io::Space space() const;

  // ---- for tests ----
  bool exists(const std::string& path) const { return find(path) != nullptr; }
  Result<Bytes> contents(const std::string& path) const;  // as a reader sees it
  size_t open_files() const { return handles_.size(); }
  std::string history() const;  // the last calls, one a line, for the report of a failing seed

 private:
  struct NameChange {
    uint64_t order;
    std::string from;  // loses its name, if not empty
    std::string to;    // gets it, if not empty
    uint32_t node;
  };
  using Names = std::map<std::string, uint32_t, std::less<>>;
  struct Node {
    bool directory = false;
    Content content;
    Names names, durable_names;
    std::vector<NameChange> changes;  // not durable yet, in order
    uint32_t handles = 0;
    bool locked = false;
    bool counted = true;  // has a name or a handle, so its blocks take space
  };
  struct Handle {
    uint32_t node;
    io::OpenMode mode;
    bool lock;
  };
  struct Write {
    io::File file;
    ByteView bytes;
    Bytes copy;
    uint64_t offset;
    bool durable;
    int error;
  };
  struct Sync {
    uint32_t node;
    uint64_t order;
    int error;
  };
  struct Done {
    DiskCall call;
    uint32_t node;
    uint64_t offset, bytes;
    int64_t result;
  };

  Node* find(std::string_view path) const;
  Node* parent(const std::string& path, std::string* name) const;
  uint32_t number(const Node* node) const;
  Node& node_of(io::File file);
  io::File add_handle(uint32_t node, const io::OpenMode& mode, bool lock);
  uint32_t add_node(bool directory);
  void forget_unreachable();
  uint64_t blocks_used() const;
  int error_for(DiskCall call);
  void boundary();
  int64_t note(DiskCall call, uint32_t node, uint64_t offset, uint64_t bytes, int64_t result);
  static void apply(Names& names, const NameChange& change);
  void copy_node(uint32_t id, const Fate& fate, Dice& dice, Disk& image) const;

  Dice dice_;
  DiskFaults faults_;
  std::vector<Scripted> scripted_;
  std::array<uint64_t, kDiskCalls> calls_{};
  uint64_t failures_ = 0;
  uint64_t order_ = 1;
  uint64_t next_id_ = 1;
  uint64_t boundaries_ = 0;
  bool off_ = false;
  bool in_boundary_ = false;
  std::function<void()> boundary_;
  std::vector<std::unique_ptr<Node>> nodes_;  // [0] is the root; gaps where a file is gone
  std::map<int, Handle> handles_;
  int next_handle_ = 3;
  std::map<uint64_t, Write> writes_;
  std::map<uint64_t, Sync> syncs_;
  std::array<Done, 64> done_{};
  uint64_t done_count_ = 0;
};

}  // namespace cwtch::sim
