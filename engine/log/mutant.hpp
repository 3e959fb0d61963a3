// Bugs that the library cwtch_log_mutants has planted, each of which the crash tests must catch.
#pragma once

#include <cstdint>

#include "engine/core/mutant.hpp"

namespace cwtch::log {

enum class Mutant : uint8_t {
  none,
  ack_before_sync,         // success is said when the write starts
  no_checksum,             // a checksum that differs is accepted
  header_checksum,         // the checksum covers the header only
  retry_failed_sync,       // a failed sync is asked again, and believed
  stale_tail,              // recovery takes the groups of an earlier lap that lie behind the last one
  missing_directory_sync,  // a segment is listed before its name is durable
  rewrite_acknowledged,    // a group starts in the last block of the one before it
  read_error_as_data,      // a failed read serves what the buffer holds
  mailbox_out_of_order,    // a post is handed over before its bytes are visible (engine/server)
};

}  // namespace cwtch::log
