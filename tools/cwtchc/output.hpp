// What others wrote, on our terminal: made harmless, and so that no line of it can be taken for one of ours.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cwtch::cwtchc {

// One line: control characters (also C1 and those that turn the direction of writing) become '?'.
std::string printable_line(std::string_view text);

// As printable_line(), but lines stay lines, each further one behind `indent` blanks.
std::string printable_text(std::string_view text, size_t indent);

// "2025-11-25 14:03" in local time; "?" for what no calendar has.
std::string local_time(uint64_t seconds);

}  // namespace cwtch::cwtchc
