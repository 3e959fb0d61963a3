#include "tools/pirbench/report/cell.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cwtch::pirbench::report {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const Quantity& quantity) {
  return {{"measured", or_null(quantity.measured)}, {"predicted", or_null(quantity.predicted)}};
}

Json json_of(const Seconds& seconds) {
  Json json = {{"samples", seconds.samples.size()}, {"predicted", or_null(seconds.predicted)}};
  if (const auto of_samples = spread(seconds.samples)) {
    json["measured"] = of_samples->median;
    json["low"] = of_samples->low;
    json["high"] = of_samples->high;
  }
  return json;
}

// Query and recovery are measured apart and predicted together.
Json client_json(const ResultLine& line) {
  Json json = {{"predicted", or_null(line.client_predicted)}};
  const auto query = spread(line.client_query.samples), recover = spread(line.client_recover.samples);
  if (query && recover) json["measured"] = query->median + recover->median;
  return json;
}

Json scheme_json(const ResultLine& line) {
  const auto& scheme = line.scheme;
  return {{"name", scheme.name},
          {"parameters", scheme.parameters},
          {"trust", scheme.trust},
          {"leakage", name(leakage_class(line))},
          {"links_sessions", scheme.links_sessions},
          {"reveals_volume", scheme.reveals_volume},
          {"reveals_messages", scheme.reveals_messages},
          {"leakage_note", scheme.leakage_note},
          {"classical_bits", scheme.classical_bits},
          {"quantum_bits", scheme.quantum_bits},
          {"security_model", scheme.security_model}};
}

Json figures_json(const ResultLine& line) {
  const CellFigures of = figures(line);
  return {{"bytes_per_row", of.bytes_per_row},
          {"statics_per_row", of.statics_per_row},
          {"server_seconds_per_query", of.server_seconds_per_query},
          {"server_seconds_per_row", of.server_seconds_per_row},
          {"link_seconds", of.link_seconds},
          {"link_statics_seconds", of.link_statics_seconds},
          {"price_per_million_rows", of.price_per_million_rows}};
}

const char* name(ResultLine::Outcome outcome) {
  switch (outcome) {
    case ResultLine::Outcome::measured:
      return "measured";
    case ResultLine::Outcome::skipped:
      return "skipped";
    case ResultLine::Outcome::failed:
      return "failed";
  }
  return "";
}

}  // namespace

LeakageClass leakage_class(const ResultLine& line) {
  const auto& scheme = line.scheme;
  if (scheme.trust != "none" || scheme.reveals_volume || scheme.reveals_messages) return LeakageClass::relaxed;
  if (scheme.links_sessions) return LeakageClass::links;
  return scheme.leakage_note.empty() ? LeakageClass::none : LeakageClass::coarse;
}

const char* name(LeakageClass leakage) {
  switch (leakage) {
    case LeakageClass::none:
      return "none";
    case LeakageClass::coarse:
      return "coarse";
    case LeakageClass::links:
      return "links";
    case LeakageClass::relaxed:
      return "relaxed";
  }
  return "";
}

std::optional<Spread> spread(std::span<const double> samples) {
  if (samples.empty()) return std::nullopt;
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t count = sorted.size();
  return Spread{(sorted[(count - 1) / 2] + sorted[count / 2]) / 2, sorted.front(), sorted.back()};
}

CellFigures figures(const ResultLine& line) {
  const double rows = *line.rows_fetched, bytes = *line.request.measured + *line.answer.measured;
  CellFigures of{};
  of.bytes_per_row = bytes / rows;
  of.statics_per_row = *line.statics.measured / rows;
  of.server_seconds_per_query = spread(line.batch_answer.samples)->median / line.batch;
  of.server_seconds_per_row = of.server_seconds_per_query / rows;
  of.link_seconds = line.link_round_trip_s + bytes / line.link_bytes_per_s;
  if (*line.statics.measured > 0) {
    of.link_statics_seconds = line.link_round_trip_s + *line.statics.measured / line.link_bytes_per_s;
  }
  of.price_per_million_rows =
      1e6 * (of.server_seconds_per_row / 3600 * line.price_cpu_hour + of.bytes_per_row / 1e9 * line.price_gigabyte);
  return of;
}

nlohmann::ordered_json cell_json(const ResultLine& line) {
  Json json = {{"id", line.id}, {"experiment", line.experiment}};
  json["machine"] = {{"cpu", line.machine.cpu},
                     {"cores", line.machine.cores},
                     {"memory_bytes", line.machine.memory_bytes},
                     {"kernel_target", line.machine.kernel_target},
                     {"commit", line.machine.commit},
                     {"label", line.machine.label}};
  json["workload"] = {{"kind", line.workload.kind},
                      {"rows", line.workload.rows},
                      {"row_bytes", line.workload.row_bytes},
                      {"source", line.workload.source},
                      {"seed", line.workload.seed}};
  json["scheme"] = scheme_json(line);
  json["geometry"] = {{"parts", line.geometry.parts}, {"partition", line.geometry.partition}};
  json["batch"] = line.batch;
  json["threads"] = line.threads;
  json["status"] = name(line.outcome);
  json["reason"] = line.reason;
  json["bytes"] = {{"request", json_of(line.request)},
                   {"answer", json_of(line.answer)},
                   {"statics", json_of(line.statics)},
                   {"server_memory", json_of(line.server_memory)}};
  json["peak_memory_bytes"] = or_null(line.peak_memory_bytes);
  json["seconds"] = {{"setup", json_of(line.setup)},
                     {"answer", json_of(line.batch_answer)},
                     {"client_query", json_of(line.client_query)},
                     {"client_recover", json_of(line.client_recover)},
                     {"client", client_json(line)}};
  json["rows_fetched"] = or_null(line.rows_fetched);
  json["queries"] = or_null(line.queries);
  json["wrong_rows"] = or_null(line.wrong_rows);
  json["link"] = {{"bytes_per_s", line.link_bytes_per_s}, {"round_trip_s", line.link_round_trip_s}};
  json["prices"] = {{"cpu_hour", line.price_cpu_hour}, {"gigabyte", line.price_gigabyte}};
  if (line.outcome == ResultLine::Outcome::measured) json["figures"] = figures_json(line);
  return json;
}

}  // namespace cwtch::pirbench::report
