#include "tools/pirbench/results.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/pirbench/report/result_line.hpp"
#include "tools/pirbench/result_line.hpp"

namespace cwtch::pirbench {
namespace {

using Json = nlohmann::ordered_json;

tl::unexpected<std::string> failed(const std::string& path, int error) {
  return wrong(fmt::format("{}: {}; is the medium full, or the folder someone else's?", path, std::strerror(error)));
}

bool is_result(const Json& json) {
  return json.is_object() && json.value("schema", "") == report::kSchema && json.contains("id") &&
         json["id"].is_string();
}

// All of it, or nothing that stays: a reader never sees half a file.
OrText<void> replace(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) return failed(fresh, errno);
  file.close();
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error) return failed(path, error.value());
  return {};
}

OrText<void> write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return wrong(std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

}  // namespace

OrText<Results> Results::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return failed(directory, error.value());
  Results results(directory);
  if (const auto loaded = results.load(); !loaded) return wrong(loaded.error());
  return results;
}

OrText<void> Results::load() {
  std::ifstream file(path(), std::ios::binary);
  if (!file) return {};
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  size_t at = 0;
  for (size_t number = 1; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // torn
    Json json = Json::parse(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(end),
                            nullptr, false);
    if (!is_result(json)) {
      if (end + 1 == text.size()) break;  // torn where the file system kept the size but not the bytes
      return wrong(fmt::format("{}, line {}: no result of this version ({}); choose another folder", path(), number,
                               report::kSchema));
    }
    ids_.insert(json["id"].get<std::string>());
    lines_.push_back(std::move(json));
    at = end + 1;
  }
  if (at == text.size()) return {};
  std::error_code error;
  std::filesystem::resize_file(path(), at, error);
  if (error) return failed(path(), error.value());
  return {};
}

OrText<void> Results::append(const Json& line) {
  const int file = ::open(path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return failed(path(), errno);
  const auto written = write_all(file, line.dump() + "\n");
  const int synced = ::fsync(file), error = errno;
  ::close(file);
  if (!written) return wrong(fmt::format("{}: {}", path(), written.error()));
  if (synced != 0) return failed(path(), error);
  ids_.insert(line["id"].get<std::string>());
  lines_.push_back(line);
  return {};
}

OrText<void> Results::drop_unmeasured() {
  std::string kept_text;
  std::vector<Json> kept;
  for (Json& line : lines_) {
    if (line.value("status", "") != "measured") continue;
    kept_text += line.dump() + "\n";
    kept.push_back(std::move(line));
  }
  lines_ = std::move(kept);
  ids_.clear();
  for (const Json& line : lines_) ids_.insert(line["id"].get<std::string>());
  return replace(path(), kept_text);
}

OrText<void> Results::write_csv() const { return replace(directory_ + "/results.csv", csv_of(lines_)); }

}  // namespace cwtch::pirbench
