// The folder of results: results.jsonl, to which each finished measurement adds one line, and results.csv, the same
// flat. Whatever ends the program, the lines that are there are whole, but perhaps the last: it is dropped when the
// folder is opened again, and its measurement is made again.
//
// Thread: one. Process: one per folder.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "engine/core/or_text.hpp"

namespace cwtch::pirbench {

class Results {
 public:
  // Makes the folder, reads what is in it and cuts off a torn last line. Fails for a line in the middle that is none
  // of this schema: that is no accident.
  static OrText<Results> open(const std::string& directory);

  bool has(const std::string& id) const { return ids_.count(id) > 0; }
  size_t size() const { return lines_.size(); }
  const std::vector<nlohmann::ordered_json>& lines() const { return lines_; }

  // On the medium when it returns.
  OrText<void> append(const nlohmann::ordered_json& line);
  // Forgets lines whose status is not "measured", so that they are tried again.
  OrText<void> drop_unmeasured();
  OrText<void> write_csv() const;

  std::string calibration_path() const { return directory_ + "/machine.json"; }

 private:
  explicit Results(std::string directory) : directory_(std::move(directory)) {}
  std::string path() const { return directory_ + "/results.jsonl"; }
  OrText<void> load();

  std::string directory_;
  std::vector<nlohmann::ordered_json> lines_;
  std::set<std::string> ids_;
};

// Header and a line per result. Samples become their median and least.
std::string csv_of(const std::vector<nlohmann::ordered_json>& lines);

}  // namespace cwtch::pirbench
