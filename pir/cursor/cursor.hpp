// cursor: everything from the first wanted row on. The query says where the client stopped last time: leaky. What the
// Cwtch protocol does today.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

const Scheme& cursor();

}  // namespace cwtch::pir
