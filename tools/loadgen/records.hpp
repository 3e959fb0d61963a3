// Records without meaning, each one new, the same for the same seed: what the server takes for ciphertexts.
#pragma once

#include "engine/core/bytes.hpp"

namespace cwtch::loadgen {

// Writes records `signature ‖ entry ‖ ciphertext` that all have one size. Signature and nonce differ in each; the
// other bytes come from a pool of random ones, so that neither compression nor sparse files can help a store.
class RecordMaker {
 public:
  RecordMaker(uint64_t seed, size_t record_bytes);
  size_t record_bytes() const { return record_bytes_; }
  // REQUIRES: to.size() == record_bytes()
  void next(MutableBytes to);

 private:
  size_t record_bytes_;
  uint64_t state_;
  Bytes pool_;
};

}  // namespace cwtch::loadgen
