// What is fixed when a log is made: sizes that its files depend on, and its secret. One block in DIR/settings, 0600.
#pragma once

#include <string>

#include "engine/core/random.hpp"
#include "engine/io/files.hpp"
#include "engine/log/format.hpp"
#include "engine/log/log.hpp"

namespace cwtch::log {

struct Settings {
  uint32_t chunk_bytes;
  uint32_t journal_files;
  uint64_t journal_file_bytes;
  uint32_t row_bytes;
  ByteArray<16> secret;  // never leaves the server: keys the fingerprints and the MAC of journal groups
};

// malformed, naming what is wrong, unless the sizes fit together.
Status check(const Options& options);

Status write_settings(io::Files& files, const std::string& directory, const Settings& settings);
// not_found: no log there. corrupt or unsupported: it is not one that we can read.
Result<Settings> read_settings(io::Files& files, const std::string& directory);

}  // namespace cwtch::log
