// `pirbench params`: the parameter sets as a table: what they are, how far decryption is from failing, what breaking
// them is estimated to cost. docs/pir/parameters.md holds the same text, and a test compares them.
//
// Thread: any; pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cwtch::pirbench {

nlohmann::ordered_json params_json();
std::string params_markdown();

}  // namespace cwtch::pirbench
