// The message tree of one group: every message names the newest one that its author had seen. A name that nobody knows
// is a gap: the server lost or withheld something, or retention took it before we asked.
//
// What it cannot show: that the newest message of a quiet group is missing (nothing names it yet).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/client/identity.hpp"

namespace cwtch::client {

// A predecessor that was named and never came.
struct Gap {
  Signature missing;
  PublicKey author;         // of the first message that names it
  uint64_t position;        // of that message in the log
  uint32_t references = 1;  // how many messages name it
};

class Tree {
 public:
  static constexpr size_t kUnknown = SIZE_MAX;

  // Adds message number size(). REQUIRES: find(signature) == kUnknown.
  void add(const Signature& signature, const std::optional<Signature>& previous, const PublicKey& author,
           uint64_t position);
  size_t find(const Signature& signature) const;
  size_t size() const { return known_.size(); }
  // In the order of the log.
  std::vector<Gap> gaps() const;

 private:
  std::map<Signature, size_t> known_;
  std::map<Signature, Gap> missing_;
};

}  // namespace cwtch::client
