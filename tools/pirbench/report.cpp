#include "tools/pirbench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/core/or_text.hpp"
#include "pir/registry.hpp"
#include "tools/pirbench/report/cell.hpp"
#include "tools/pirbench/report/day_curves.hpp"
#include "tools/pirbench/report/page.hpp"

namespace cwtch::pirbench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// What is in all files together.
struct Gathered {
  Json cells = Json::array();
  Json notes = Json::array();
  std::vector<std::string> schemes;  // by first appearance
};

// A report is passed on: it names a file and the directory it lies in, not where that is.
std::string short_name(const std::string& name) {
  const fs::path path = fs::path(name).lexically_normal(), parent = path.parent_path().filename();
  return (parent.empty() ? path.filename() : parent / path.filename()).string();
}

void add(const report::ResultLine& line, Gathered& gathered) {
  gathered.cells.push_back(report::cell_json(line));
  auto& schemes = gathered.schemes;
  if (std::find(schemes.begin(), schemes.end(), line.scheme.name) == schemes.end()) schemes.push_back(line.scheme.name);
}

OrText<void> gather(const ResultFile& file, Gathered& gathered) {
  size_t number = 0;
  for (std::string_view rest = file.text; !rest.empty();) {
    ++number;
    const size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    const bool whole = end != std::string_view::npos;
    rest.remove_prefix(whole ? end + 1 : rest.size());
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto line = report::parse_result_line(text);
    if (line) {
      add(*line, gathered);
    } else if (!whole) {
      gathered.notes.push_back(
          fmt::format("{}, line {}: cut off while it was written; left out", short_name(file.name), number));
    } else {
      return wrong(fmt::format("{}, line {}: {}. Remove the line, or let pirbench measure that cell again", file.name,
                               number, line.error()));
    }
  }
  return {};
}

// Those of the results that this build knows, by registry; results may come from a build with more.
std::vector<const pir::Scheme*> known_schemes(Gathered& gathered) {
  std::vector<const pir::Scheme*> known;
  for (const pir::Scheme* scheme : pir::schemes()) {
    const auto& names = gathered.schemes;
    if (std::find(names.begin(), names.end(), scheme->info().name) != names.end()) known.push_back(scheme);
  }
  for (const std::string& scheme : gathered.schemes) {
    if (pir::find_scheme(scheme) != nullptr) continue;
    gathered.notes.push_back(
        fmt::format("{}: this build has no such scheme, so it has no curve of daily bytes", scheme));
  }
  return known;
}

OrText<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return wrong(fmt::format("{}: cannot be read. Is it a file, and yours to read?", path.string()));
  return text.str();
}

OrText<std::vector<fs::path>> result_files(const std::string& path) {
  if (!fs::is_directory(path)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    return wrong(fmt::format("{}: no .jsonl file in it. Name a directory that pirbench run wrote to", path));
  }
  return files;
}

OrText<std::vector<ResultFile>> read_all(const std::vector<std::string>& paths) {
  std::vector<ResultFile> all;
  for (const std::string& path : paths) {
    const auto files = result_files(path);
    if (!files) return wrong(files.error());
    for (const fs::path& file : *files) {
      auto text = read_file(file);
      if (!text) return wrong(text.error());
      all.push_back({file.string(), std::move(*text)});
    }
  }
  return all;
}

int complain(const std::string& what) {
  fmt::print(stderr, "pirbench: {}\n", what);
  return 1;
}

}  // namespace

OrText<std::string> make_report(std::span<const ResultFile> files, const pir::MobilePlan& plan) {
  Gathered gathered;
  Json names = Json::array();
  for (const ResultFile& file : files) {
    if (const auto done = gather(file, gathered); !done) return wrong(done.error());
    names.push_back(short_name(file.name));
  }
  if (gathered.cells.empty()) {
    return wrong("no results in these files. Let pirbench run finish a cell first");
  }
  const auto schemes = known_schemes(gathered);
  const Json data = {{"files", std::move(names)},
                     {"notes", std::move(gathered.notes)},
                     {"schemes", gathered.schemes},
                     {"day", report::day_json(schemes, plan)},
                     {"cells", std::move(gathered.cells)}};
  return report::page(data);
}

int write_report(const std::vector<std::string>& paths, const std::string& output) {
  std::error_code error;
  for (const std::string& path : paths) {
    if (!fs::exists(path, error)) return complain(path + ": no such file or directory");
  }
  const auto files = read_all(paths);
  if (!files) return complain(files.error());
  const auto html = make_report(*files);
  if (!html) return complain(html.error());
  std::ofstream file(output, std::ios::binary);
  file << *html << std::flush;
  if (!file) return complain(output + ": cannot be written. Is there such a directory, and space?");
  fmt::print("{}\n", output);
  return 0;
}

}  // namespace cwtch::pirbench
