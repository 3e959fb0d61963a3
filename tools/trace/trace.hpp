// Chat traces: who said what in which group, and when. Workload of the demo, of end-to-end tests and of benches.
//
// A trace file is tab-separated UTF-8 with the header line "seconds group sender text", plain or zstd-compressed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/result.hpp"

namespace cwtch::trace {

struct Message {
  uint32_t seconds;  // since the first midnight of its group's conversation
  uint32_t group;
  uint32_t sender;  // index into Trace::senders
  std::string text;
};

struct Trace {
  std::vector<Message> messages;     // by seconds, then group
  std::vector<std::string> senders;  // nick names; the same name in two groups is the same person
  uint32_t groups_count = 0;         // groups are numbered 0 … groups_count - 1
};

// malformed (with the line number as offset), not_found, io. Lines of more than 64 KiB are refused.
Result<Trace> load(const std::string& path);

// A trace of the same shape as a real one (statistics.hpp): group sizes, senders per group, their skew, text lengths,
// pauses and bursts. The same seed gives the same trace; the texts are made-up words.
Trace generate(uint32_t groups_count, uint64_t seed);

// The messages of groups 0 … groups_count - 1, senders renumbered.
Trace first_groups(const Trace& trace, uint32_t groups_count);

}  // namespace cwtch::trace
