#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/io/files.hpp"
#include "engine/log/log.hpp"
#include "tools/common/progress.hpp"
#include "tools/cwtchd/commands.hpp"

namespace cwtch::cwtchd {

int verify(const std::string& directory, bool json) {
  using tools::Progress;
  const std::string log = directory + "/log";
  Progress progress("Verifying", "bytes", 0, json ? Progress::Style::json : Progress::Style::automatic);
  const auto damage = log::verify(io::system_files(), log, [&](const log::VerifyProgress& p) {
    progress.set_total(p.bytes_total);
    progress.set(p.bytes_done);
  });
  progress.finish();
  if (!damage) {
    fmt::print(stderr, "cwtchd: {}: {}{}\n", log, damage.error().message(),
               damage.error().code == Errc::busy ? ". The server runs; stop it first" : "");
    return 1;
  }
  if (json) {
    nlohmann::ordered_json result = {{"damaged", nlohmann::ordered_json::array()}};
    for (const log::Damage& d : *damage) result["damaged"].push_back({{"file", d.file}, {"error", d.error.message()}});
    fmt::print("{}\n", result.dump());
  } else if (damage->empty()) {
    fmt::print("Every checksum fits.\n");
  } else {
    for (const log::Damage& d : *damage) fmt::print("DAMAGED {}: {}\n", d.file, d.error.message());
    fmt::print("{} file{} damaged. What is whole is still served; restore the rest from a backup.\n", damage->size(),
               damage->size() == 1 ? "" : "s");
  }
  return damage->empty() ? 0 : 1;
}

}  // namespace cwtch::cwtchd
