// segments: a whole sealed range as one immutable, content-addressed file; the query itself is empty. Caches and
// mirrors may serve it; the server sees which ranges are fetched, and when.
#pragma once

#include "pir/scheme.hpp"

namespace cwtch::pir {

const Scheme& segments();

}  // namespace cwtch::pir
