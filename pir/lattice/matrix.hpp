// Filling a matrix and multiplying by it, on as many threads as there are.
#pragma once

#include <functional>

#include "kernels/scan.hpp"
#include "pir/lattice/words.hpp"
#include "pir/scheme.hpp"

namespace cwtch::pir {

// Columns first_column ... + count - 1; `read` yields the bytes of the one with this number, from 0.
void fill_columns(kernels::TiledMatrix& matrix, uint64_t first_column, uint64_t count, const Parallel& parallel,
                  const std::function<void(uint64_t number, MutableBytes to)>& read);

// products: `count` vectors of matrix.height() words modulo q; queries: as many of matrix.width() words, < q.
void multiply(const kernels::TiledMatrix& matrix, std::span<const uint32_t> queries, size_t count,
              const Parallel& parallel, std::span<uint32_t> products);

}  // namespace cwtch::pir
