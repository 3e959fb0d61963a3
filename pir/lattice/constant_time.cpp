#include "pir/lattice/constant_time.hpp"

#include "engine/core/check.hpp"

namespace cwtch::pir {

void check_secret(bool kept) { CHECK(kept); }

}  // namespace cwtch::pir
