// Checking what servers give to those who fetch privately against the log that they serve to everybody.
#include "engine/client/audit.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "engine/core/hostname.hpp"
#include "pir/registry.hpp"
#include "tools/common/progress.hpp"
#include "tools/common/threads.hpp"
#include "tools/cwtchc/plural.hpp"
#include "tools/cwtchc/program.hpp"

namespace cwtch::cwtchc {

using namespace client;

namespace {

const char* kDifference =
    "Who fetches by this scheme there reads junk, and what he does about it may tell the server what he wanted. "
    "It lies, or its machine is damaged. Keep away from the scheme there, by sync and by poll, and use: "
    "cwtchc sync --scheme full. Tell its operator and other members";

std::string temporary_directory() {
  const char* const named = std::getenv("TMPDIR");
  return named == nullptr || *named == '\0' ? "/tmp" : named;
}

std::string about(const AuditedDatabase& database) {
  switch (database.verdict) {
    case AuditVerdict::matches:
      return "matches";
    case AuditVerdict::retired:
      return "was replaced or retired meanwhile, as happens: not compared";
    case AuditVerdict::listed_differs:
      return "DIFFERS: the static that the server lists is not the one of these rows";
    case AuditVerdict::served_differs:
      return "DIFFERS: the server lists the static of these rows, and sends other bytes";
    case AuditVerdict::not_served:
      return "DIFFERS: the server lists the static of these rows, and does not send it";
  }
  return "";
}

void print(const std::string& url, const AuditReport& report) {
  fmt::print("{}\n{}\n", url, report.host);
  for (const AuditedDatabase& database : report.databases)
    fmt::print("{} {}: {}, {:.2f} MB of statics: {}\n", database.scheme->info().name, database.name,
               plural(database.rows, "row"), static_cast<double>(database.statics_bytes) / 1e6, about(database));
  for (const pir::Scheme* const scheme : report.not_offered)
    fmt::print("{}: no databases are offered now\n", scheme->info().name);
  fmt::print("{} of the log read, {:.1f} MB moved\n", plural(report.records, "record"),
             static_cast<double>(report.bytes) / 1e6);
}

void print_json(const std::string& url, const AuditReport& report) {
  for (const AuditedDatabase& database : report.databases) {
    fmt::print("{}\n", nlohmann::ordered_json{{"server", url},
                                              {"host", report.host},
                                              {"scheme", database.scheme->info().name},
                                              {"database", database.name},
                                              {"rows", database.rows},
                                              {"statics_bytes", database.statics_bytes},
                                              {"verdict", name(database.verdict)}}
                           .dump());
  }
  nlohmann::ordered_json not_offered = nlohmann::ordered_json::array();
  for (const pir::Scheme* const scheme : report.not_offered) not_offered.push_back(scheme->info().name);
  fmt::print("{}\n", nlohmann::ordered_json{{"server", url},
                                            {"host", report.host},
                                            {"databases", report.databases.size()},
                                            {"not_offered", not_offered},
                                            {"records", report.records},
                                            {"bytes", report.bytes}}
                         .dump());
}

}  // namespace

std::vector<std::string> Program::audited_schemes() {
  std::vector<std::string> names;
  for (const pir::Scheme* const scheme : pir::schemes()) {
    if (scheme->info().classical_bits > 0) names.emplace_back(scheme->info().name);
  }
  return names;
}

// A server that is named by its address is audited under the name that it gives, and no profile is needed.
Program::Address Program::audited(const std::string& server) {
  if (!key_of_hostname(server)) return {"", server};
  const auto store = open();
  const ServerState* const state = store->profile().server(server);
  if (state == nullptr || state->url.empty())
    throw Refusal{"this profile does not know " + server + "; cwtchc profile show lists its servers"};
  return {server, state->url};
}

// Whatever becomes of one server, the others have their turn, and a difference is said.
void Program::audit() {
  AuditOptions options{.schemes = {},
                       .directory = temporary_directory(),
                       .parallel = tools::on_threads(std::max(1u, std::thread::hardware_concurrency()))};
  for (const std::string& each : audited_schemes()) {
    if (audit_scheme == "all" || audit_scheme == each) options.schemes.push_back(pir::find_scheme(each));
  }
  if (audit_servers.empty()) {
    for (const Address& known : servers(*open())) audit_servers.push_back(known.host);
  }
  std::string differing, undone;
  for (const std::string& name : audit_servers) {
    try {
      const Address server = audited(name);
      const AuditReport report = audit(server, options);
      json ? print_json(server.url, report) : print(server.url, report);
      std::fflush(stdout);
      for (const AuditedDatabase& database : report.databases) {
        if (!harmless(database.verdict))
          differing += fmt::format("{}: {} {}\n", server.url, database.scheme->info().name, database.name);
      }
      if (report.databases.empty()) {
        undone += server.url + ": it offers no databases of these schemes now, so nothing was compared\n";
      } else if (std::all_of(report.databases.begin(), report.databases.end(), [](const AuditedDatabase& database) {
                   return database.verdict == AuditVerdict::retired;
                 })) {
        undone +=
            server.url +
            ": nothing could be compared, as all of it was retired meanwhile. Run it again; if that goes on, keep "
            "away from private retrieval there\n";
      }
    } catch (const Refusal& refusal) {
      undone += refusal.text + '\n';
    }
  }
  if (!differing.empty()) differing = "not the statics of its log:\n" + differing + kDifference + '\n';
  std::string said = differing + undone;
  if (said.empty()) return;
  said.pop_back();
  throw Refusal{said, differing.empty() ? 1 : kAuditDiffers};
}

AuditReport Program::audit(const Address& server, const AuditOptions& options) {
  SocketDialer dial = dialer();
  Audit audit(io::system_files(), random_, dial, endpoint_of(server.url), server.host, options);
  const auto style = json ? tools::Progress::Style::json : tools::Progress::Style::automatic;
  std::optional<tools::Progress> reading, computing;
  audit.on_progress = [&](const AuditProgress& progress) {
    std::optional<tools::Progress>& bar = progress.computing ? computing : reading;
    if (!bar) {
      if (reading) reading->finish();
      progress.computing ? bar.emplace("Computing", "transforms", 0, style) : bar.emplace("Reading", "bytes", 0, style);
    }
    bar->set_total(progress.total);
    bar->set(progress.done);
  };
  const Result<AuditReport> report = audit.run();
  for (auto* const bar : {&reading, &computing}) bar->reset();
  if (!report) {
    const Errc code = report.error().code;
    const bool file = std::string_view(report.error().context).starts_with("rows:");
    give_up(server.url, report.error(),
            file                 ? "Set TMPDIR to a directory with room for the log"
            : code == Errc::gone ? "Run it again"
            : code == Errc::corrupt
                ? "What it says of itself does not fit together, so that nothing can be compared. Keep "
                  "away from private retrieval there"
                : cure_of(report.error()));
  }
  return *report;
}

}  // namespace cwtch::cwtchc
