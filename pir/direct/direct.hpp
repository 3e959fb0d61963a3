// direct: rows by their numbers, in clear. No privacy at all: for those who trust the server, and as the lower bound of
// every cost.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

const Scheme& direct();

}  // namespace cwtch::pir
