#include "tools/pirbench/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "engine/core/spelling.hpp"
#include "pir/registry.hpp"
#include "tools/pirbench/toml_table.hpp"

namespace cwtch::pirbench {
namespace {

constexpr uint64_t kBatchMax = 1024, kRepetitionsMax = 1000, kThreadsMax = 256;
constexpr uint64_t kMemoryMin = uint64_t{1} << 20, kMemoryMax = uint64_t{1} << 50;
constexpr uint64_t kTotalBytesMax = uint64_t{1} << 40;

// [[key]]: at least one.
OrText<std::vector<const toml::table*>> tables(const toml::table& root, const char* key, std::string_view source) {
  std::vector<const toml::table*> all;
  const toml::node* const node = root.get(key);
  const toml::array* const array = node == nullptr ? nullptr : node->as_array();
  for (size_t i = 0; array != nullptr && i < array->size(); ++i) all.push_back(array->get(i)->as_table());
  if (all.empty() || std::find(all.begin(), all.end(), nullptr) != all.end()) {
    return wrong(fmt::format("{}: there must be at least one [[{}]]", source, key));
  }
  return all;
}

OrText<Workload> parse_workload(const toml::table& table, std::string_view source) {
  Workload workload;
  std::string kind;
  const auto read = Table(table, source, "workload.")
                        .choice("kind", kind, {"log", "grid"})
                        .counts("rows", workload.rows, 1, pir::kRowsMax)
                        .counts("total_bytes", workload.total_bytes, pir::kRowBytesMin, kTotalBytesMax)
                        .counts("row_bytes", workload.row_bytes, pir::kRowBytesMin, pir::kRowBytesMax)
                        .text("trace", workload.trace)
                        .count("seed", workload.seed, 0, INT64_MAX)
                        .read();
  if (!read) return wrong(read.error());
  if (kind.empty()) return wrong(fmt::format("{}: a [[workload]] needs kind = \"log\" or \"grid\"", source));
  const bool log = kind == "log";
  workload.kind = log ? Workload::Kind::log : Workload::Kind::grid;
  if (log ? workload.rows.empty() : workload.total_bytes.empty()) {
    return wrong(fmt::format("{}: a workload of kind \"{}\" needs {}", source, kind, log ? "rows" : "total_bytes"));
  }
  if (log && !workload.total_bytes.empty()) {
    return wrong(fmt::format("{}: a workload of kind \"log\" has no total_bytes; say rows", source));
  }
  if (!log && (!workload.rows.empty() || !workload.trace.empty())) {
    return wrong(fmt::format("{}: a workload of kind \"grid\" has neither rows nor trace; say total_bytes", source));
  }
  return workload;
}

OrText<SchemeChoice> parse_scheme(const toml::table& table, std::string_view source) {
  std::vector<std::string> names, partitions = {pir::name(pir::Partition::contiguous)};
  for (const pir::Scheme* scheme : pir::schemes()) names.emplace_back(scheme->info().name);
  SchemeChoice choice;
  const auto read = Table(table, source, "scheme.")
                        .choice("name", choice.name, names)
                        .counts("parts", choice.parts, 1, pir::kPartsMax)
                        .choices("partition", partitions,
                                 {pir::name(pir::Partition::contiguous), pir::name(pir::Partition::interleaved)})
                        .read();
  if (!read) return wrong(read.error());
  if (choice.name.empty()) return wrong(fmt::format("{}: a [[scheme]] needs a name", source));
  choice.partitions.clear();
  for (const std::string& partition : partitions) {
    const bool contiguous = partition == pir::name(pir::Partition::contiguous);
    choice.partitions.push_back(contiguous ? pir::Partition::contiguous : pir::Partition::interleaved);
  }
  return choice;
}

// [key], which need not be there.
OrText<void> parse_section(const toml::table& root, const char* key, std::string_view source,
                           const std::function<void(Table&)>& add_keys) {
  const toml::node* const node = root.get(key);
  if (node == nullptr) return {};
  if (node->as_table() == nullptr) return wrong(fmt::format("{}: {} must be a table, [{}]", source, key, key));
  Table table(*node->as_table(), source, fmt::format("{}.", key));
  add_keys(table);
  return table.read();
}

OrText<void> parse_sections(const toml::table& root, std::string_view source, Experiment& experiment) {
  auto read = parse_section(root, "measure", source, [&](Table& table) {
    table.counts("batches", experiment.batches, 1, kBatchMax)
        .count("repetitions", experiment.repetitions, 1, kRepetitionsMax)
        .number("seconds_max", experiment.seconds_max)
        .count("threads", experiment.threads, 1, kThreadsMax)
        .count("memory_max", experiment.memory_max, kMemoryMin, kMemoryMax);
  });
  if (!read) return read;
  read = parse_section(root, "link", source, [&](Table& table) {
    table.number("bytes_per_s", experiment.link.bytes_per_s).number("round_trip_s", experiment.link.round_trip_s);
  });
  if (!read) return read;
  if (experiment.link.bytes_per_s <= 0) return wrong(fmt::format("{}: link.bytes_per_s must be above 0", source));
  return parse_section(root, "prices", source, [&](Table& table) {
    table.number("cpu_hour", experiment.prices.cpu_hour).number("gigabyte", experiment.prices.gigabyte);
  });
}

}  // namespace

const char* name(Workload::Kind kind) { return kind == Workload::Kind::log ? "log" : "grid"; }

OrText<Experiment> parse_experiment(std::string_view text, std::string_view source) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return wrong(fmt::format("{}, line {}: {}", source, parsed.error().source().begin.line,
                             std::string_view(parsed.error().description())));
  }
  const toml::table& root = parsed.table();
  Experiment experiment;
  experiment.name = std::string(source);
  Table keys(root, source, "");
  keys.text("label", experiment.label);
  for (const char* const section : {"workload", "scheme", "measure", "link", "prices"}) keys.other(section);
  if (const auto known = keys.read(); !known) return wrong(known.error());

  const auto workloads = tables(root, "workload", source), schemes = tables(root, "scheme", source);
  if (!workloads) return wrong(workloads.error());
  if (!schemes) return wrong(schemes.error());
  for (const toml::table* table : *workloads) {
    auto workload = parse_workload(*table, source);
    if (!workload) return wrong(workload.error());
    experiment.workloads.push_back(std::move(*workload));
  }
  for (const toml::table* table : *schemes) {
    auto scheme = parse_scheme(*table, source);
    if (!scheme) return wrong(scheme.error());
    experiment.schemes.push_back(std::move(*scheme));
  }
  if (const auto read = parse_sections(root, source, experiment); !read) return wrong(read.error());
  std::sort(experiment.batches.begin(), experiment.batches.end());
  experiment.batches.erase(std::unique(experiment.batches.begin(), experiment.batches.end()), experiment.batches.end());
  return experiment;
}

OrText<Experiment> load_experiment(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return wrong(fmt::format("{}: cannot be read; name an experiment file, or --preset", path));
  auto experiment = parse_experiment(text.str(), path);
  if (experiment) experiment->name = std::filesystem::path(path).stem().string();
  return experiment;
}

OrText<Experiment> load_preset(std::string_view name) {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return parse_experiment(preset.toml, preset.name);
    names.emplace_back(preset.name);
  }
  return wrong(fmt::format("preset {} is not known; did you mean {}?", name, nearest(name, names)));
}

}  // namespace cwtch::pirbench
