// `pirbench ways`: what a fetch moves by each scheme, and which of them `cwtchc sync --scheme auto` therefore takes, as
// tables over public sizes. docs/pir/choosing.md holds the same text, and a test compares them.
//
// Thread: any; pure.
#pragma once

#include <string>

namespace cwtch::pirbench {

std::string fetches_markdown();
std::string days_markdown();

}  // namespace cwtch::pirbench
