// The degree d of the ring, on which schemes and kernels agree, and the width of a matrix's panels: kBlockPanels panels
// make a block of d columns.
//
// Tests compile everything a second time for a toy degree, at which all there is can be tried (tests/toy).
//
// C++17 on purpose: nvcc reads this header too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cwtch::kernels {

#ifdef CWTCH_TOY_DEGREE_LOG2
constexpr uint32_t kDegreeLog2 = CWTCH_TOY_DEGREE_LOG2;
#else
constexpr uint32_t kDegreeLog2 = 10;
#endif
constexpr size_t kDegree = size_t{1} << kDegreeLog2;

constexpr size_t kPanelColumns = kDegree < 256 ? kDegree : 256;
constexpr size_t kBlockPanels = kDegree / kPanelColumns;

}  // namespace cwtch::kernels
