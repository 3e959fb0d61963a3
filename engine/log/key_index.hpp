// Which records are there already: signature and nonce of every retained record, as keyed 64-bit fingerprints.
//
// Keys are chosen by hostile clients, so the fingerprint is SipHash-2-4 under a secret of this log. Fingerprints lie in
// immutable sorted runs (13 bytes each on disk: 8 of fingerprint, 5 of position) with blocked Bloom filters in memory
// (about 10 bits per key), merged at powers of 8; the newest records' keys are in a hash table. A match is a candidate
// only: the caller compares the record itself.
//
// Thread:  the writer's shard; build() and merge() are pure functions of files, for workers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "engine/log/format.hpp"

namespace cwtch::log {

struct KeySecret {
  ByteArray<16> bytes;
};

enum class KeyKind : uint8_t { signature, nonce };
uint64_t fingerprint(const KeySecret& secret, KeyKind kind, ByteView key);

struct Key {
  uint64_t fingerprint;
  uint64_t position;  // < 2^40
};

struct RunName {  // "FIRST-END.keys": the positions whose keys it has
  Position first;
  Position end;
  std::string file() const;
};

// One question in flight; a member of whoever asks.
class Lookup : public ListLink {
 public:
  // Candidates, newest first; positions below the first retained one are left out. Usually empty or one.
  std::vector<Position> candidates;
  Status result;

  // ---- for KeyIndex ----
  void (*callback)(void* owner, Lookup& lookup) = nullptr;
  void* owner = nullptr;
  bool in_flight = false;
  ~Lookup() { CHECK(!in_flight); }
};

class KeyIndex {
 public:
  struct Statistics {
    uint64_t keys = 0, memory_bytes = 0, disk_reads = 0, filter_passes = 0, runs = 0;
  };

  // Opens the runs that the manifest lists, reading their filters only. *bytes_read grows by what was read.
  static Result<std::unique_ptr<KeyIndex>> open(io::Files& files, const std::string& directory, const KeySecret& secret,
                                                const std::vector<RunName>& runs, uint64_t* bytes_read);
  virtual ~KeyIndex() = default;

  virtual void start(io::Io& io) = 0;
  // Keys of a record that has been placed (durable or not yet), until a run holds them.
  virtual void insert(const Key& signature, const Key& nonce) = 0;
  // True and done when no run's filter and no recent key matches: the common case, no I/O. Else false and a callback.
  virtual bool absent(uint64_t signature, uint64_t nonce) = 0;
  virtual void lookup(Lookup& lookup, uint64_t fingerprint, void (*callback)(void*, Lookup&), void* owner) = 0;
  virtual void set_first_retained(Position position) = 0;

  // Worker side: writes and syncs the file of a new run (and its directory); returns nothing but success.
  static Status build(io::Files& files, const std::string& directory, const RunName& name, std::vector<Key> keys);
  // Worker side: merges neighbours into one, without keys below `first_retained`.
  static Status merge(io::Files& files, const std::string& directory, const std::vector<RunName>& from,
                      const RunName& to, Position first_retained);

  // Back on the shard, after the manifest lists it: opens the run, drops recent keys below its end and the runs it
  // covers.
  virtual Status adopt(const RunName& run) = 0;
  // The neighbours that should be merged next, or empty.
  virtual std::vector<RunName> merge_candidates(uint32_t factor) const = 0;
  virtual Statistics statistics() const = 0;
};

}  // namespace cwtch::log
