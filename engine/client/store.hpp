// A profile's directory: identity.key (the author's seed), journal (everything else), lock.
//
// All files are 0600 in a directory of 0700 and hold secrets. Any number of processes may use a profile; each change is
// made under the lock, which is held for the change only.
#pragma once

#include <memory>

#include "engine/client/journal.hpp"
#include "engine/client/profile.hpp"

namespace cwtch::client {

class Store {
 public:
  // How surely an event is kept before commit() returns.
  enum class Keep : uint8_t {
    durable,  // on stable storage
    relaxed,  // in the kernel: survives the end of the process, not a power cut
  };

  // Makes a profile with a fresh identity. conflict if there is one.
  static Result<std::unique_ptr<Store>> create(io::Files& files, Random& random, std::string directory);
  // not_found if there is none. Reads its journal, and shortens it when most of it is obsolete.
  static Result<std::unique_ptr<Store>> open(io::Files& files, Random& random, std::string directory);

  const Identity& identity() const { return identity_; }
  const Profile& profile() const { return profile_; }
  const std::string& directory() const { return directory_; }

  // Called while another process holds the lock: true to try again, after whatever it waited. Without it, a lock that
  // is held is busy at once.
  void on_busy(std::function<bool()> wait) { wait_ = std::move(wait); }

  // Learns what other processes did. busy while one of them holds the lock.
  Status refresh();
  // Learns what other processes did, then appends and applies `events`. After an error nothing of them is applied; the
  // caller may try again. A crash leaves all of them or none, if together they are below 1 MiB; beyond, the first of
  // them. busy while another process holds the lock.
  Status commit(const std::vector<Event>& events, Keep keep);
  // Forgets all messages and how far the logs are known, durably; servers, groups and outbox stay.
  Status forget_messages();

 private:
  Store(io::Files& files, Random& random, std::string directory, Identity identity);
  class Locked;
  Status begin();
  Status compact();

  io::Files& files_;
  Random& random_;
  const std::string directory_;
  const Identity identity_;
  Profile profile_;
  Journal journal_;
  std::function<bool()> wait_;
};

}  // namespace cwtch::client
