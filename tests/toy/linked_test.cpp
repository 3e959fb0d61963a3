// A test that links the toy must not have got the real thing: it would pass, and be of another degree.
#include <gtest/gtest.h>

#include "kernels/degree.hpp"
#include "pir/lattice/bits.hpp"
#include "pir/lattice/parameters.hpp"
#include "pir/registry.hpp"

namespace cwtch::pir {
namespace {

TEST(Toy, IsWhatIsLinked) {
  static_assert(kernels::kDegree == 32);
  constexpr uint32_t kRowBytes = 64;
  EXPECT_EQ(find_scheme("simplepir")->cost({0, 1, kRowBytes, 1}, 1).statics_bytes,
            static_cast<double>(kRowBytes * packed_bytes(kernels::kDegree, kHintBits)));
}

}  // namespace
}  // namespace cwtch::pir
