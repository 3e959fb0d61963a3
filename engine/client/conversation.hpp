// What people read: a group's messages in the order of the log, long texts put together again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/client/overlay.hpp"
#include "engine/client/profile.hpp"

namespace cwtch::client {

// One text, whole or with pieces missing. Its place is that of the message that completed it.
struct Line {
  uint64_t position = 0;
  Signature signature{};  // of the message at `position`
  PublicKey author{};
  uint64_t timestamp = 0;
  uint64_t kind = kChatOverlay;
  std::string text;
  bool acknowledged = false;  // ours, promised by the server, and not yet seen in the log
  uint32_t parts = 1;         // that are here
  uint32_t parts_count = 1;
  bool complete() const { return parts == parts_count; }
};

// Puts the parts of long texts together, for one group. Memory: what the messages hold.
class Joiner {
 public:
  // The next message in the order of the log: a Line when it is whole or completes a text. A part that is there
  // already, or comes behind a completed text, says nothing.
  std::optional<Line> add(const MessageStored& message);
  // The texts that wait for parts, with "[...]" where pieces are missing; in the order of their newest part.
  std::vector<Line> incomplete() const;

 private:
  struct Waiting {
    std::map<uint32_t, std::string> pieces;
    Line newest;  // its text is empty
  };
  using SetKey = std::tuple<PublicKey, std::string, uint32_t>;  // author, set, count

  std::map<SetKey, Waiting> sets_;
};

std::vector<Line> conversation(const GroupState& group);

}  // namespace cwtch::client
