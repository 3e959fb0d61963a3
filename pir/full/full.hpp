// full: naive private retrieval, the yardstick. The query is empty, the answer is everything.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

const Scheme& full();

}  // namespace cwtch::pir
