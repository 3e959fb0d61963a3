// Little-endian integers in byte strings. Reader is bounded: after an overrun every read yields zero and ok() is false,
// so a decoder reads its fields in a row and asks once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/core/bytes.hpp"
#include "engine/core/check.hpp"

namespace cwtch {

static_assert(std::endian::native == std::endian::little, "integers are copied as they lie in memory");

template <class Int>
Int load_le(const uint8_t* from) {
  Int value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class Int>
void store_le(uint8_t* to, Int value) {
  std::memcpy(to, &value, sizeof value);
}

class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  template <class Int>
  Int get() {
    const ByteView b = take(sizeof(Int));
    return b.size() == sizeof(Int) ? load_le<Int>(b.data()) : Int{0};
  }
  // The next `size` bytes, or an empty view and !ok().
  ByteView take(size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const ByteView b = rest_.first(size);
    rest_ = rest_.subspan(size);
    return b;
  }
  ByteView rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  ByteView rest_;
  bool ok_ = true;
};

// Writes into a buffer whose size the caller has computed; CHECKs that it fits.
class Writer {
 public:
  explicit Writer(MutableBytes to) : to_(to) {}

  template <class Int>
  void put(Int value) {
    CHECK(to_.size() - size_ >= sizeof value);
    store_le(to_.data() + size_, value);
    size_ += sizeof value;
  }
  void put(ByteView bytes) {
    CHECK(to_.size() - size_ >= bytes.size());
    if (!bytes.empty()) std::memcpy(to_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void zeros(size_t size) {
    CHECK(to_.size() - size_ >= size);
    std::memset(to_.data() + size_, 0, size);
    size_ += size;
  }
  size_t size() const { return size_; }

 private:
  MutableBytes to_;
  size_t size_ = 0;
};

constexpr uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace cwtch
