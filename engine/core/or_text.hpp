// How what people configure, or keep in files, fails: with a sentence for them that says cause and cure.
//
// Thread: any; values.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace cwtch {

template <class T>
using OrText = tl::expected<T, std::string>;

inline tl::unexpected<std::string> wrong(std::string text) { return tl::unexpected<std::string>(std::move(text)); }

}  // namespace cwtch
