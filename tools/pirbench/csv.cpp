// results.csv: for spreadsheets and plotting scripts, one column per figure.
#include <fmt/format.h>

#include <algorithm>

#include "tools/pirbench/results.hpp"

namespace cwtch::pirbench {
namespace {

using Json = nlohmann::ordered_json;

enum class Of : uint8_t { value, median, least };  // of samples: one number of many
struct Column {
  const char* name;
  const char* place;  // JSON pointer
  Of of = Of::value;
};
constexpr Column kColumns[] = {
    {"id", "/id"},
    {"experiment", "/experiment"},
    {"status", "/status"},
    {"reason", "/reason"},
    {"workload", "/workload/kind"},
    {"rows", "/workload/rows"},
    {"row_bytes", "/workload/row_bytes"},
    {"source", "/workload/source"},
    {"seed", "/workload/seed"},
    {"scheme", "/scheme/name"},
    {"parameters", "/scheme/parameters"},
    {"trust", "/scheme/trust"},
    {"links_sessions", "/scheme/links_sessions"},
    {"reveals_volume", "/scheme/reveals_volume"},
    {"reveals_messages", "/scheme/reveals_messages"},
    {"classical_bits", "/scheme/classical_bits"},
    {"quantum_bits", "/scheme/quantum_bits"},
    {"parts", "/geometry/parts"},
    {"partition", "/geometry/partition"},
    {"batch", "/batch"},
    {"threads", "/threads"},
    {"request_bytes", "/bytes/request/measured"},
    {"request_bytes_predicted", "/bytes/request/predicted"},
    {"answer_bytes", "/bytes/answer/measured"},
    {"answer_bytes_predicted", "/bytes/answer/predicted"},
    {"statics_bytes", "/bytes/statics/measured"},
    {"statics_bytes_predicted", "/bytes/statics/predicted"},
    {"server_memory_bytes", "/bytes/server_memory/measured"},
    {"server_memory_bytes_predicted", "/bytes/server_memory/predicted"},
    {"peak_memory_bytes", "/peak_memory_bytes"},
    {"setup_cpu_s_median", "/seconds/setup/samples", Of::median},
    {"setup_cpu_s_least", "/seconds/setup/samples", Of::least},
    {"setup_wall_s_median", "/seconds/setup/wall", Of::median},
    {"setup_s_predicted", "/seconds/setup/predicted"},
    {"answer_cpu_s_median", "/seconds/answer/samples", Of::median},
    {"answer_cpu_s_least", "/seconds/answer/samples", Of::least},
    {"answer_wall_s_median", "/seconds/answer/wall", Of::median},
    {"answer_s_predicted", "/seconds/answer/predicted"},
    {"client_query_cpu_s_median", "/seconds/client_query/samples", Of::median},
    {"client_recover_cpu_s_median", "/seconds/client_recover/samples", Of::median},
    {"client_s_predicted", "/seconds/client/predicted"},
    {"rows_fetched", "/rows_fetched"},
    {"queries", "/queries"},
    {"wrong_rows", "/wrong_rows"},
    {"cpu", "/machine/cpu"},
    {"cores", "/machine/cores"},
    {"memory_bytes", "/machine/memory_bytes"},
    {"kernel_target", "/machine/kernel_target"},
    {"commit", "/machine/commit"},
    {"label", "/machine/label"},
};

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string all = "\"";
  for (const char c : text) all += c == '"' ? "\"\"" : std::string(1, c);
  return all + '"';
}

// Empty where there is none.
std::string one_of(const Json& samples, Of of) {
  if (!samples.is_array() || samples.empty()) return "";
  auto values = samples.get<std::vector<double>>();
  std::sort(values.begin(), values.end());
  return fmt::format("{}", values[of == Of::least ? 0 : (values.size() - 1) / 2]);
}

std::string cell_of(const Json& line, const Column& column) {
  const Json::json_pointer place(column.place);
  if (!line.contains(place)) return "";
  const Json& value = line.at(place);
  if (column.of != Of::value) return one_of(value, column.of);
  return quoted(value.is_string() ? value.get<std::string>() : value.dump());
}

}  // namespace

std::string csv_of(const std::vector<Json>& lines) {
  std::string csv;
  for (const Column& column : kColumns) csv += fmt::format("{}{}", csv.empty() ? "" : ",", column.name);
  csv += '\n';
  for (const Json& line : lines) {
    std::string row;
    for (const Column& column : kColumns) row += cell_of(line, column) + ',';
    row.back() = '\n';
    csv += row;
  }
  return csv;
}

}  // namespace cwtch::pirbench
