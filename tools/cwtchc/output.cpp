#include "tools/cwtchc/output.hpp"

#include <ctime>

namespace cwtch::cwtchc {
namespace {

// How many bytes of the UTF-8 `text` at `i` are one character that a terminal would obey rather than show; 0 if none.
size_t control_at(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) < 0xA0) return 2;                      // C1, U+0080 to U+009F
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;  // U+2028 to U+202E
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) return 3;  // U+2066 to U+2069
  return 0;
}

std::string printable(std::string_view text, const std::string& line_end) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\n' && !line_end.empty()) {
      safe += line_end;
      ++i;
    } else if (const size_t size = control_at(text, i)) {
      safe += '?';
      i += size;
    } else {
      safe += text[i++];
    }
  }
  return safe;
}

}  // namespace

std::string printable_line(std::string_view text) { return printable(text, ""); }

std::string printable_text(std::string_view text, size_t indent) {
  return printable(text, "\n" + std::string(indent, ' '));
}

std::string local_time(uint64_t seconds) {
  constexpr uint64_t kYear9999 = 253'370'764'800;
  const auto when = static_cast<time_t>(seconds);
  char text[32];
  tm local{};
  if (seconds >= kYear9999 || localtime_r(&when, &local) == nullptr) return "?";
  return {text, strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local)};
}

}  // namespace cwtch::cwtchc
