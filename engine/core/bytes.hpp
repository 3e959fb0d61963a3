// Views and owners of bytes. A ByteView never owns; SecretBytes is wiped when it goes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/result.hpp"

namespace cwtch {

using ByteView = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;
template <size_t N>
using ByteArray = std::array<uint8_t, N>;

inline ByteView bytes_of(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }
inline std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// Not constant time: for public bytes only. Secrets are compared with sodium_memcmp.
inline bool equal_vartime(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);  // lower or upper case; malformed otherwise

// N secret bytes: not copyable by accident, wiped on destruction and when moved from.
template <size_t N>
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const uint8_t, N> from) { std::memcpy(bytes_.data(), from.data(), N); }
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(); }

  SecretBytes clone() const { return SecretBytes(std::span<const uint8_t, N>(bytes_)); }
  const uint8_t* data() const { return bytes_.data(); }
  uint8_t* data() { return bytes_.data(); }
  static constexpr size_t size() { return N; }
  std::span<const uint8_t, N> view() const { return bytes_; }

 private:
  void wipe() { explicit_bzero(bytes_.data(), N); }

  ByteArray<N> bytes_{};
};

}  // namespace cwtch
