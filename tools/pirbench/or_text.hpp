// How things that people configure or keep in files fail: with a sentence that says cause and cure.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace cwtch::pirbench {

template <class T>
using OrText = tl::expected<T, std::string>;

inline tl::unexpected<std::string> wrong(std::string text) { return tl::unexpected<std::string>(std::move(text)); }

}  // namespace cwtch::pirbench
