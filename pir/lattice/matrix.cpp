#include "pir/lattice/matrix.hpp"

#include <algorithm>

#include "engine/core/check.hpp"

namespace cwtch::pir {

void fill_columns(kernels::TiledMatrix& matrix, uint64_t first_column, uint64_t count, const Parallel& parallel,
                  const std::function<void(uint64_t number, MutableBytes to)>& read) {
  CHECK(first_column + count <= matrix.width());
  constexpr uint64_t kColumns = kernels::kPanelColumns;  // per task: no two tasks in one group of four
  constexpr uint64_t kTogether = 16;  // columns set at once, by fours: two thirds of the time of one by one
  const uint64_t end = first_column + count, first_task = first_column / kColumns;
  parallel((end + kColumns - 1) / kColumns - first_task, [&](size_t task) {
    const uint64_t begin = std::max(first_column, (first_task + task) * kColumns);
    const uint64_t task_end = std::min(end, (first_task + task + 1) * kColumns);
    Bytes bytes(kTogether * matrix.height());
    std::vector<const uint8_t*> columns;
    for (size_t i = 0; i < kTogether; ++i) columns.push_back(&bytes[i * matrix.height()]);
    for (uint64_t column = begin; column < task_end;) {
      const uint64_t together = std::min(task_end, column / kTogether * kTogether + kTogether) - column;
      for (uint64_t i = 0; i < together; ++i) {
        read(column + i - first_column, MutableBytes(bytes).subspan(i * matrix.height(), matrix.height()));
      }
      matrix.set_columns(column, together, columns.data());
      column += together;
    }
  });
}

void multiply(const kernels::TiledMatrix& matrix, std::span<const uint32_t> queries, size_t count,
              const Parallel& parallel, std::span<uint32_t> products) {
  CHECK(queries.size() == count * matrix.width() && products.size() == count * matrix.height());
  // Each task prepares the queries again and reads stripes in pieces, so that two take 3 % more work than one. The
  // service has a thread per batch, not per task: rows of 3,072 bytes are one task, and only far longer ones several.
  constexpr size_t kBlocks = 48;
  const size_t tasks = std::max<size_t>(1, matrix.blocks() / kBlocks);
  parallel(tasks, [&](size_t task) {
    const kernels::BlockRange range{matrix.blocks() * task / tasks, matrix.blocks() * (task + 1) / tasks};
    kernels::scan().multiply(matrix, queries.data(), count, kernels::Modulus::q, range, products.data());
  });
}

}  // namespace cwtch::pir
