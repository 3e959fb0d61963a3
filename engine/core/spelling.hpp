// What people write in configuration: numbers with units, and names that are nearly right.
//
// Thread: any; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/core/or_text.hpp"

namespace cwtch {

std::string_view trim(std::string_view text);  // without blanks and tabs around it

// "4096", "64K", "64KiB", "1 GiB": powers of 1024 whichever way they are written. The error goes on after the text:
// "is not a number".
OrText<uint64_t> parse_size(std::string_view text);

// The known name that differs from `name` by the fewest letters; "" if none is known.
std::string nearest(std::string_view name, std::span<const std::string> known);

}  // namespace cwtch
