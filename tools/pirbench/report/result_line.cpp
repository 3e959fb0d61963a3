#include "tools/pirbench/report/result_line.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace cwtch::pirbench::report {
namespace {

using Json = nlohmann::json;

// More than any byte or second counted here; sums and quotients of such stay finite, and so do the page's axes.
constexpr double kAmountMax = 1e18;

// An object of the line, and where it stands in it. The first complaint is kept; what is read after it does not matter.
class Fields {
 public:
  Fields(const Json* object, std::string path, std::string& error)
      : object_(object), path_(std::move(path)), error_(error) {}

  // What is absent of a skipped cell: an empty object.
  Fields optional_object(const char* name) const {
    const Json* const field = find(name);
    if (field != nullptr && !field->is_object()) complain(name, "must be an object");
    return {field != nullptr && field->is_object() ? field : nullptr, path_ + name + ".", error_};
  }
  Fields object(const char* name) const {
    if (find(name) == nullptr) complain(name, "is missing");
    return optional_object(name);
  }
  std::string text(const char* name) const {
    const Json* const field = find(name);
    if (field == nullptr || !field->is_string()) return complain(name, "must be a text"), "";
    return field->get<std::string>();
  }
  bool flag(const char* name) const {
    const Json* const field = find(name);
    if (field == nullptr || !field->is_boolean()) return complain(name, "must be true or false"), false;
    return field->get<bool>();
  }
  std::optional<double> optional_number(const char* name) const {
    const Json* const field = find(name);
    if (field == nullptr) return std::nullopt;
    return amount(*field, name);
  }
  double number(const char* name) const {
    if (find(name) == nullptr) complain(name, "must be a number");
    return optional_number(name).value_or(0);
  }
  double positive(const char* name) const {
    const double value = number(name);
    if (value <= 0) complain(name, "must be greater than zero");
    return value;
  }
  double at_least_one(const char* name) const {
    const double value = number(name);
    if (value < 1) complain(name, "must be at least 1");
    return value;
  }
  std::vector<double> numbers(const char* name) const {
    std::vector<double> values;
    const Json* const field = find(name);
    if (field == nullptr) return values;
    if (!field->is_array()) return complain(name, "must be a list of numbers"), values;
    for (const Json& element : *field) values.push_back(amount(element, name));
    return values;
  }
  void complain(const char* name, const char* what) const {
    if (error_.empty()) error_ = fmt::format("{}{} {}", path_, name, what);
  }

 private:
  // Absent and null are the same.
  const Json* find(const char* name) const {
    if (object_ == nullptr) return nullptr;
    const auto field = object_->find(name);
    return field == object_->end() || field->is_null() ? nullptr : &*field;
  }
  double amount(const Json& field, const char* name) const {
    if (!field.is_number()) return complain(name, "must be a number"), 0;
    const auto value = field.get<double>();
    if (!(value >= 0 && value <= kAmountMax)) return complain(name, "must be from 0 to 10^18"), 0;
    return value;
  }

  const Json* object_;
  std::string path_;
  std::string& error_;
};

Quantity quantity(const Fields& fields) {
  return {fields.optional_number("measured"), fields.optional_number("predicted")};
}

Seconds seconds(const Fields& fields) { return {fields.numbers("samples"), fields.optional_number("predicted")}; }

void read_surroundings(const Fields& root, ResultLine& line) {
  const Fields machine = root.object("machine");
  line.machine = {machine.text("cpu"),   machine.text("kernel_target"), machine.text("commit"),
                  machine.text("label"), machine.number("cores"),       machine.number("memory_bytes")};
  const Fields workload = root.object("workload");
  line.workload = {workload.text("kind"), workload.text("source"), workload.at_least_one("rows"),
                   workload.at_least_one("row_bytes"), workload.number("seed")};
  const Fields link = root.object("link"), prices = root.object("prices");
  line.link_bytes_per_s = link.positive("bytes_per_s");
  line.link_round_trip_s = link.number("round_trip_s");
  line.price_cpu_hour = prices.number("cpu_hour");
  line.price_gigabyte = prices.number("gigabyte");
}

void read_scheme(const Fields& root, ResultLine& line) {
  const Fields scheme = root.object("scheme");
  line.scheme = {scheme.text("name"),           scheme.text("parameters"),       scheme.text("trust"),
                 scheme.text("leakage_note"),   scheme.text("security_model"),   scheme.flag("links_sessions"),
                 scheme.flag("reveals_volume"), scheme.flag("reveals_messages"), scheme.number("classical_bits"),
                 scheme.number("quantum_bits")};
  const Fields geometry = root.object("geometry");
  line.geometry = {geometry.at_least_one("parts"), geometry.text("partition")};
  line.batch = root.at_least_one("batch");
  line.threads = root.optional_number("threads").value_or(1);
}

void read_outcome(const Fields& root, ResultLine& line) {
  const std::string status = root.text("status");
  if (status == "skipped") line.outcome = ResultLine::Outcome::skipped;
  if (status == "failed") line.outcome = ResultLine::Outcome::failed;
  if (status != "measured" && status != "skipped" && status != "failed") {
    root.complain("status", "must be measured, skipped or failed");
  }
  line.reason = root.text("reason");
}

void read_figures(const Fields& root, ResultLine& line) {
  const Fields bytes = root.optional_object("bytes"), seconds_of = root.optional_object("seconds");
  line.request = quantity(bytes.optional_object("request"));
  line.answer = quantity(bytes.optional_object("answer"));
  line.statics = quantity(bytes.optional_object("statics"));
  line.server_memory = quantity(bytes.optional_object("server_memory"));
  line.peak_memory_bytes = root.optional_number("peak_memory_bytes");
  line.setup = seconds(seconds_of.optional_object("setup"));
  line.batch_answer = seconds(seconds_of.optional_object("answer"));
  line.client_query = seconds(seconds_of.optional_object("client_query"));
  line.client_recover = seconds(seconds_of.optional_object("client_recover"));
  line.client_predicted = seconds_of.optional_object("client").optional_number("predicted");
  line.rows_fetched = root.optional_number("rows_fetched");
  line.queries = root.optional_number("queries");
  line.wrong_rows = root.optional_number("wrong_rows");
}

// What every chart needs of a measured cell.
void require_figures(const Fields& root, const ResultLine& line) {
  const Fields bytes = root.object("bytes"), seconds_of = root.object("seconds");
  for (const char* name : {"request", "answer", "statics"}) bytes.object(name).number("measured");
  if (line.batch_answer.samples.empty()) {
    seconds_of.object("answer").complain("samples", "must have at least one sample of a measured cell");
  }
  root.at_least_one("rows_fetched");
}

}  // namespace

OrText<ResultLine> parse_result_line(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return wrong("not JSON");
  if (!json.is_object()) return wrong("not a JSON object");
  std::string error;
  const Fields root(&json, "", error);
  if (root.text("schema") != kSchema && error.empty()) {
    return wrong(fmt::format("schema is not {}: the line is of another version of pirbench", kSchema));
  }
  ResultLine line;
  line.id = root.text("id");
  line.experiment = root.text("experiment");
  read_surroundings(root, line);
  read_scheme(root, line);
  read_outcome(root, line);
  read_figures(root, line);
  if (line.outcome == ResultLine::Outcome::measured) require_figures(root, line);
  if (!error.empty()) return wrong(std::move(error));
  return line;
}

}  // namespace cwtch::pirbench::report
