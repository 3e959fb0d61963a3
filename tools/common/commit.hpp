// The commit this program was built from, with "+" behind it if files had been changed. A seed or a measurement means
// nothing without it.
#pragma once

namespace cwtch::tools {

extern const char* const kCommit;

}  // namespace cwtch::tools
