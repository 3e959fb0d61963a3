#include "engine/http/request_line.hpp"

#include <array>

namespace cwtch::http {
namespace {

constexpr std::array<bool, 256> make_table(std::string_view characters) {
  std::array<bool, 256> table{};
  for (const char c : characters) table[static_cast<uint8_t>(c)] = true;
  return table;
}

// RFC 9110 section 5.6.2.
constexpr auto kToken = make_table("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
// RFC 3986: what may stand in a path or a query, except the percent sign. No resource here needs an encoded byte, and
// none has two spellings.
constexpr auto kTarget =
    make_table("/?:@!$&'()*+,;=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

bool all_of(std::string_view text, const std::array<bool, 256>& table) {
  for (const char c : text) {
    if (!table[static_cast<uint8_t>(c)]) return false;
  }
  return true;
}

bool refuse(Problem& problem, ProblemType type, const char* detail) {
  problem = {.type = type, .detail = detail, .close = true};
  return false;
}

bool malformed(Problem& problem, const char* detail) { return refuse(problem, ProblemType::malformed_request, detail); }

bool digit(char c) { return c >= '0' && c <= '9'; }

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

bool check_target(std::string_view target, Problem& problem) {
  if (target.front() != '/') return malformed(problem, "the target must be a path that begins with a slash");
  if (target.find('%') != target.npos) return malformed(problem, "no target here has percent-encoded bytes");
  if (!all_of(target, kTarget)) return malformed(problem, "the target has a byte that no URI has");
  if (has_dot_segment(target.substr(0, target.find('?')))) return malformed(problem, "the path has a dot segment");
  return true;
}

}  // namespace

bool check_request_line(std::string_view line, Problem& problem) {
  if (line.empty()) return malformed(problem, "an empty line precedes the request line");
  const size_t method_end = line.find(' ');
  const size_t version_at = line.rfind(' ') + 1;
  if (method_end == line.npos) return malformed(problem, "the request line is not METHOD TARGET VERSION");
  const std::string_view method = line.substr(0, method_end);
  if (method.empty() || !all_of(method, kToken)) return malformed(problem, "the method is not a token");
  if (version_at == method_end + 1) {
    if (version_at == line.size()) return malformed(problem, "the request line is not METHOD TARGET VERSION");
    return refuse(problem, ProblemType::unsupported_version, "the request line names no version");
  }
  const std::string_view version = line.substr(version_at);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) || version[6] != '.' ||
      !digit(version[7])) {
    return malformed(problem, "the request line does not end in HTTP/1.1");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(problem, ProblemType::unsupported_version, "use HTTP/1.1");
  }
  const std::string_view target = line.substr(method_end + 1, version_at - method_end - 2);
  if (target.empty() || target.find(' ') != target.npos) {
    return malformed(problem, "the request line is not METHOD TARGET VERSION with single spaces");
  }
  return check_target(target, problem);
}

}  // namespace cwtch::http
