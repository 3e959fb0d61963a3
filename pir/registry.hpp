// The schemes that this build knows, in one array.
#pragma once

#include <span>
#include <string_view>

#include "pir/scheme.hpp"

namespace cwtch::pir {

std::span<const Scheme* const> schemes();
const Scheme* find_scheme(std::string_view name);  // nullptr: no such scheme

}  // namespace cwtch::pir
