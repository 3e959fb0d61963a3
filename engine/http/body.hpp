// Gathers a request's body: without a copy if it came in one piece, else in one block of exactly its length.
#pragma once

#include <cstring>
#include <memory>

#include "engine/core/bytes.hpp"
#include "engine/core/check.hpp"

namespace cwtch::http {

class Body {
 public:
  // `rest`: RequestParser::body_rest() behind this piece. True when the body is whole.
  bool add(ByteView piece, uint64_t rest) {
    if (gathered_ == nullptr && rest == 0) {
      whole_ = piece;
      return true;
    }
    if (gathered_ == nullptr) gathered_ = std::make_unique<uint8_t[]>(piece.size() + rest);
    std::memcpy(gathered_.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
    if (rest == 0) whole_ = {gathered_.get(), size_};
    return rest == 0;
  }
  // Valid until reset(), and if it came in one piece only as long as the bytes that were fed.
  ByteView whole() const { return whole_; }
  void reset() { *this = Body(); }

 private:
  std::unique_ptr<uint8_t[]> gathered_;
  size_t size_ = 0;
  ByteView whole_;
};

}  // namespace cwtch::http
