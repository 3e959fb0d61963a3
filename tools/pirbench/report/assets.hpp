// The files that a report is made of, as they lie in this folder: made by embed.cmake.
//
// Thread: any; constants.
#pragma once

#include <string_view>

namespace cwtch::pirbench::report::assets {

extern const std::string_view template_html;
extern const std::string_view style_css;
extern const std::string_view script;  // every file of script/, in CMakeLists.txt's order
extern const std::string_view uplot_uplot_min_css;
extern const std::string_view uplot_uplot_iife_min_js;
extern const std::string_view uplot_license;

}  // namespace cwtch::pirbench::report::assets
