// The first line of a request, checked as soon as it is complete, so that another protocol (HTTP/0.9, an HTTP/2
// preface) is answered at once and not after a head that never ends.
#pragma once

#include <string_view>

#include "engine/http/problem.hpp"

namespace cwtch::http {

// `line` without its CRLF and without control bytes other than tabs. False: refused, and `problem` says why.
bool check_request_line(std::string_view line, Problem& problem);

}  // namespace cwtch::http
