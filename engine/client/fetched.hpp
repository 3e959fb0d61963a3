// What was fetched in the place of a wanted record: whether it is what the index names, and what follows for the
// profile. Nobody is trusted here: neither the server, which may give anything, nor who wrote the record.
#pragma once

#include <optional>
#include <vector>

#include "engine/client/profile.hpp"

namespace cwtch::client {

enum class Verdict : uint8_t {
  message,     // of the group
  unreadable,  // tagged by who has the group's key, and yet no message
  spoiled,     // not what the index names, or untagged and no message: to be tried again, a few times
};

// What became of what was fetched.
struct FetchTally {
  uint64_t messages = 0;    // of our groups, new to us
  uint64_t unreadable = 0;  // fetched records that were no message after all
  uint64_t spoiled = 0;     // fetched rows that were not what the index names
  uint64_t failed_queries = 0;
  std::optional<Error> query_failure;  // of the last of these

  // Of one query: its rows came, or why not.
  void count(const Status& answered);
  // `newest`: the event that came with the verdict, not applied yet.
  void count(Verdict verdict, const GroupState& group, const Event& newest);
  // Judges a wanted record by its rows, adds to `events` what the profile should know, and counts it.
  void judge(const Profile& profile, const RecordWanted& wanted, ByteView rows, uint32_t row_bytes,
             std::vector<Event>& events);
};

// Adds to `events` what the profile should know. `record` may be any bytes.
Verdict judge_record(const Group& group, const RecordWanted& wanted, ByteView record, std::vector<Event>& events);
// The same from the record's rows.
Verdict judge_rows(const Group& group, const RecordWanted& wanted, ByteView rows, uint32_t row_bytes,
                   std::vector<Event>& events);

}  // namespace cwtch::client
