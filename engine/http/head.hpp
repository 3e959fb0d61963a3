// From the bytes of a whole, scanned head to a Head. The only user of Boost.Beast is head.cpp.
#pragma once

#include "engine/http/request.hpp"

namespace cwtch::http {

// REQUIRES: `bytes` passed RequestParser's scan: lines end in CRLF, the last one is empty, no folding, no control
// bytes, and the request line is checked. False: refused, and `problem` says why.
bool parse_head(std::string_view bytes, Head& head, Problem& problem);

}  // namespace cwtch::http
