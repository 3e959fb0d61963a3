// The commit this program was built from, with "+" behind it if files had been changed. A seed means nothing without
// it.
#pragma once

namespace cwtch::simulate {

extern const char* const kCommit;

}  // namespace cwtch::simulate
