#include "tools/pirbench/params.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "pir/lattice/parameters.hpp"
#include "pir/lattice/security.hpp"
#include "pir/registry.hpp"
#include "tools/pirbench/commands.hpp"

namespace cwtch::pirbench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const pir::Lattice* kSets[] = {&pir::kSimplePir1, &pir::kRing32};

struct Row {
  const pir::Lattice& set;
  std::string scheme;
  double margin, failure_log2;  // at the largest m, of random bytes
  double margin_padding;        // of bytes that are all zero, which centred are as far from zero as bytes can be
};

Row row_of(const pir::Lattice& set) {
  std::string scheme;
  for (const pir::Scheme* each : pir::schemes()) {
    if (set.name == std::string_view(each->info().parameters)) scheme = each->info().name;
  }
  const pir::Noise random = pir::noise_of(set, columns_max(set));
  const pir::Noise padding = pir::noise_of(set, columns_max(set), pir::kSigma, pir::kPadding);
  return {set, scheme, random.margin(), random.failure_log2(), padding.margin()};
}

double modulus_log2() { return std::log2(static_cast<double>(kernels::kQ)); }

pir::UsvpEstimate own_estimate() {
  return pir::primal_usvp(
      {.dimension = static_cast<double>(kernels::kDegree), .modulus_log2 = modulus_log2(), .sigma = pir::kSigma});
}

int print(bool json) {
  fmt::print("{}", json ? params_json().dump(1) + "\n" : params_markdown());
  return 0;
}

}  // namespace

Json params_json() {
  Json sets = Json::array(), estimates = Json::array();
  for (const pir::Lattice* set : kSets) {
    const Row row = row_of(*set);
    sets.push_back({{"name", set->name},
                    {"scheme", row.scheme},
                    {"n", kernels::kDegree},
                    {"q", kernels::kQ},
                    {"log2_q", modulus_log2()},
                    {"sigma", pir::kSigma},
                    {"p", pir::kPlain},
                    {"query_bits", 32 - set->dropped_query_bits},
                    {"answer_bits", pir::kAnswerBits},
                    {"hint_bits", pir::kHintBits},
                    {"packing_digits", set->digits},
                    {"packing_base_bits", set->base_bits},
                    {"m_max", columns_max(*set)},
                    {"margin", row.margin},
                    {"failure_log2", row.failure_log2},
                    {"margin_padding", row.margin_padding}});
  }
  for (const pir::Estimate& estimate : pir::kLwe1024Estimates) {
    estimates.push_back({{"attack", estimate.attack},
                         {"model", estimate.model},
                         {"bits", estimate.bits},
                         {"quantum", estimate.quantum},
                         {"source", "lattice-estimator 27a581b"}});
  }
  const pir::UsvpEstimate own = own_estimate();
  return {{"schema", "pirbench-params-1"},
          {"margin_min", pir::kMarginMin},
          {"sets", sets},
          {"estimates", estimates},
          {"own_primal_usvp", {{"block", own.block}, {"bits", own.bits}}}};
}

std::string params_markdown() {
  std::string text =
      "| set | scheme | n | log2 q | sigma | p | query, answer, hint bits | packing | largest m | margin | log2 P(byte "
      "wrong) | margin, padding only |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const pir::Lattice* set : kSets) {
    const Row row = row_of(*set);
    const std::string packing =
        set->digits == 0 ? "–" : fmt::format("{} digits of {} bits", set->digits, set->base_bits);
    text += fmt::format(
        "| `{}` | `{}` | {} | {:.3f} | {} | {} | {}, {}, {} | {} | 2^{:.0f} | {:.1f} | {:.0f} | {:.1f} |\n", set->name,
        row.scheme, kernels::kDegree, modulus_log2(), pir::kSigma, pir::kPlain, 32 - set->dropped_query_bits,
        pir::kAnswerBits, pir::kHintBits, packing, std::log2(static_cast<double>(columns_max(*set))), row.margin,
        row.failure_log2, row.margin_padding);
  }
  text += "\n| attack | cost model | bits | by |\n|---|---|---|---|\n";
  for (const pir::Estimate& estimate : pir::kLwe1024Estimates) {
    text += fmt::format("| {} | {} | {:.1f}{} | lattice-estimator 27a581b |\n", estimate.attack, estimate.model,
                        estimate.bits, estimate.quantum ? " quantum" : "");
  }
  const pir::UsvpEstimate own = own_estimate();
  text += fmt::format("| uSVP | 8 D 2^(0.292 b + 16.4), b = {} | {:.1f} | `pir::primal_usvp`, a check on typos |\n",
                      own.block, own.bits);
  return text;
}

Command add_params(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("params", "Prints the parameter sets of the lattice schemes and what breaking them costs");
  command->footer(
      "Dimension, modulus, noise, the largest database, how far decryption is from failing there, and what attacks "
      "are\n"
      "estimated to cost. The tables are Markdown, those of docs/pir/parameters.md.");
  const auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "the same as JSON, with every digit");
  return [json] { return print(*json); };
}

}  // namespace cwtch::pirbench
