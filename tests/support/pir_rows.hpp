// A database of random rows, for tests of private retrieval.
#pragma once

#include "engine/core/random.hpp"
#include "pir/scheme.hpp"

namespace cwtch::test {

class RandomRows final : public pir::RowSource {
 public:
  RandomRows(const pir::Geometry& geometry, uint64_t seed) : geometry_(geometry), bytes_(geometry.bytes()) {
    SeededRandom(seed).fill(bytes_);
  }
  void read(uint64_t row, MutableBytes to) const override {
    const ByteView from = (*this)[row];
    std::copy(from.begin(), from.end(), to.begin());
  }
  ByteView operator[](uint64_t row) const {
    return ByteView(bytes_).subspan((row - geometry_.first_row) * geometry_.row_bytes, geometry_.row_bytes);
  }
  MutableBytes row(uint64_t row) {
    return MutableBytes(bytes_).subspan((row - geometry_.first_row) * geometry_.row_bytes, geometry_.row_bytes);
  }

 private:
  const pir::Geometry geometry_;
  Bytes bytes_;
};

}  // namespace cwtch::test
