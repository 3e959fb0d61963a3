// Takes posts, whichever way a client came in: form, admission, then the log. One Board per shard.
//
// Thread:  its shard's.
// Bytes:   the record is copied by the log or the mailbox before post() returns.
// Errors of a post (in this order of precedence):
//   too_large   longer than a record can be
//   malformed   shorter, or its entry is neither zeros nor the record's own
//   read_only   the log accepts no posts now (poisoned, or the medium is full)
//   busy        too many posts in flight, or the server is shutting down
//   denied      the admission policy says no
//   conflict    its signature or its nonce is in the log already, with other bytes
// A record that is in the log already, byte for byte, is a success again, at its old position.
#pragma once

#include "engine/board/admission.hpp"
#include "engine/log/log.hpp"

namespace cwtch::board {

// The way to the log's writer: straight on the shard that has it, through a mailbox on the others.
class LogGate {
 public:
  virtual ~LogGate() = default;
  // As log::Log::append(): copies the record, calls back when it is durable or refused.
  virtual void append(log::Append& append, ByteView record, void (*callback)(void* owner, log::Append&),
                      void* owner) = 0;
  virtual bool read_only() const = 0;
};

// What a record's bytes must satisfy before anything is asked of the log: its length, and `entry` (all zeros, or first
// eight bytes equal to log::record_hash()).
Status check_form(ByteView record);

class Board;

// One post in flight; a member of whoever waits for it.
class Post {
 public:
  struct Done {
    log::Position position;
    bool repeated;
  };
  Result<Done> result = fail(Errc::busy, "post: not started");  // set when the callback runs
  bool in_flight() const { return append_.in_flight; }

 private:
  friend class Board;
  log::Append append_;
  Board* board_ = nullptr;
  void (*callback_)(void* owner, Post& post) = nullptr;
  void* owner_ = nullptr;
};

class Board {
 public:
  struct Options {
    uint32_t posts_in_flight_max = 4096;
  };
  struct Statistics {
    uint64_t accepted = 0, repeated = 0, malformed = 0, too_large = 0, conflicts = 0, denied = 0, busy = 0,
             read_only = 0, failed = 0;
  };

  Board(LogGate& log, Admission& admission, const Options& options);
  ~Board();  // REQUIRES: idle()

  // Calls back once; before post() returns if the outcome is known at once.
  void post(Post& post, ByteView record, ByteView credential, void (*callback)(void* owner, Post& post), void* owner);

  // From here on posts are refused with busy; those in flight complete.
  void drain() { draining_ = true; }
  bool idle() const { return in_flight_ == 0; }
  const Admission& admission() const { return admission_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  static void append_done(void* post, log::Append& append);
  Status before_log(ByteView record, ByteView credential);
  void finish(Post& post, Result<Post::Done> result);

  LogGate& log_;
  Admission& admission_;
  const Options options_;
  uint32_t in_flight_ = 0;
  bool draining_ = false;
  Statistics statistics_;
};

}  // namespace cwtch::board
