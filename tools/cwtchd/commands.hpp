// The subcommands of cwtchd. Each returns the exit status.
#pragma once

#include <string>

#include "engine/server/config.hpp"

namespace cwtch::cwtchd {

int init(const std::string& directory, const server::Config& config);
// `throw_away`: removed at the end (cwtchd dev).
int serve(const std::string& directory, const server::Config& config, bool throw_away);
int dev(server::Config config);
int verify(const std::string& directory, bool json);
int doctor(const std::string& directory);
int stats(const std::string& directory, const server::Config& config);

}  // namespace cwtch::cwtchd
