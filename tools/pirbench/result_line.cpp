#include "tools/pirbench/result_line.hpp"

#include <cmath>

#include "tools/pirbench/report/result_line.hpp"

namespace cwtch::pirbench {
namespace {

using Json = nlohmann::ordered_json;

// To the nanosecond: what is finer is noise.
double rounded(double seconds) { return std::round(seconds * 1e9) / 1e9; }

Json samples(const std::vector<double>& seconds) {
  Json list = Json::array();
  for (const double each : seconds) list.push_back(rounded(each));
  return list;
}

// Whole bytes as whole numbers, so that equal sizes are equal texts.
Json bytes(double value) {
  return value == std::floor(value) ? Json(static_cast<uint64_t>(value)) : Json(std::round(value * 10) / 10);
}
Json pair(double measured, double predicted) {
  return {{"measured", bytes(measured)}, {"predicted", bytes(predicted)}};
}

const char* name(Outcome outcome) {
  switch (outcome) {
    case Outcome::measured:
      return "measured";
    case Outcome::skipped:
      return "skipped";
    case Outcome::failed:
      return "failed";
  }
  return "";
}

Json machine_of(const MachineInfo& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"kernel_target", machine.kernel_target},
          {"commit", machine.commit},
          {"label", machine.label}};
}

Json workload_of(const Database& database) {
  return {{"kind", name(database.kind)},
          {"rows", database.rows},
          {"row_bytes", database.row_bytes},
          {"source", database.source()},
          {"seed", database.seed}};
}

Json scheme_of(const pir::Info& info) {
  return {{"name", info.name},
          {"parameters", info.parameters},
          {"trust", pir::name(info.trust)},
          {"links_sessions", info.leakage.links_sessions},
          {"reveals_volume", info.leakage.reveals_volume},
          {"reveals_messages", info.leakage.reveals_messages},
          {"leakage_note", info.leakage.note},
          {"classical_bits", info.classical_bits},
          {"quantum_bits", info.quantum_bits},
          {"security_model", info.security_model}};
}

Json bytes_of(const pir::Cost& cost, const SetupFigures& setup, const BatchFigures& figures) {
  return {{"request", pair(figures.request_bytes, cost.request_bytes)},
          {"answer", pair(figures.answer_bytes, cost.answer_bytes)},
          {"statics", pair(static_cast<double>(setup.statics_bytes), cost.statics_bytes)},
          {"server_memory", pair(static_cast<double>(setup.server_bytes), cost.server_bytes)}};
}

Json seconds_of(const pir::Cost& cost, const pir::Machine& prices, const SetupFigures& setup,
                const BatchFigures& figures) {
  // Client work is predicted as a whole: query and recovery share their units.
  return {{"setup",
           {{"samples", samples(setup.cpu)},
            {"wall", samples(setup.wall)},
            {"predicted", rounded(pir::seconds(cost.setup, prices))}}},
          {"answer",
           {{"samples", samples(figures.answer_cpu)},
            {"wall", samples(figures.answer_wall)},
            {"predicted", rounded(pir::seconds(cost.answer, prices))}}},
          {"client_query", {{"samples", samples(figures.query)}, {"predicted", nullptr}}},
          {"client_recover", {{"samples", samples(figures.recover)}, {"predicted", nullptr}}},
          {"client", {{"predicted", rounded(pir::seconds(cost.client, prices))}}}};
}

}  // namespace

Json result_line(const RunContext& run, const Cell& cell, uint64_t batch, Outcome outcome, const std::string& reason,
                 const SetupFigures& setup, const BatchFigures& figures) {
  const pir::Cost cost = cell.scheme->cost(cell.geometry, static_cast<uint32_t>(batch));
  const Experiment& experiment = run.experiment;
  return {{"schema", report::kSchema},
          {"id", cell.id(batch, experiment.threads)},
          {"experiment", experiment.name},
          {"machine", machine_of(run.machine)},
          {"workload", workload_of(cell.database)},
          {"scheme", scheme_of(cell.scheme->info())},
          {"geometry", {{"parts", cell.geometry.parts}, {"partition", pir::name(cell.geometry.partition)}}},
          {"batch", batch},
          {"threads", experiment.threads},
          {"status", name(outcome)},
          {"reason", reason},
          {"bytes", bytes_of(cost, setup, figures)},
          {"peak_memory_bytes", figures.peak_bytes},
          {"seconds", seconds_of(cost, run.prices, setup, figures)},
          {"rows_fetched", bytes(cost.rows_fetched)},
          {"queries", figures.queries},
          {"wrong_rows", figures.wrong_rows},
          {"link", {{"bytes_per_s", experiment.link.bytes_per_s}, {"round_trip_s", experiment.link.round_trip_s}}},
          {"prices", {{"cpu_hour", experiment.prices.cpu_hour}, {"gigabyte", experiment.prices.gigabyte}}}};
}

}  // namespace cwtch::pirbench
