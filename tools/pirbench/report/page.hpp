// Puts data into the page. Result lines are other people's text: they enter as JSON alone, in which nothing can end the
// element that holds it, and scripts write them into the page as text.
//
// Thread: any; pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace cwtch::pirbench::report {

// JSON for the inside of <script type="application/json">: no <, > or &, and none of the line ends that only JSON
// knows. Bytes that are not UTF-8 become U+FFFD.
std::string json_for_html(const nlohmann::ordered_json& json);

// "'sha256-...'", by which a content security policy allows an inline script or style and no other.
std::string policy_source(std::string_view inline_text);

std::string page(const nlohmann::ordered_json& data);

}  // namespace cwtch::pirbench::report
