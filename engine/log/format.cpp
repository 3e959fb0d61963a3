#include "engine/log/format.hpp"

#include <algorithm>

#include "engine/core/sha256.hpp"

namespace cwtch::log {

ByteArray<kRecordHashBytes> record_hash(ByteView signature, ByteView ciphertext) {
  thread_local Sha256 sha256;  // making one costs more than hashing a record
  sha256.add(bytes_of("cwtch-entry"));
  sha256.add(signature);
  sha256.add(ciphertext);
  ByteArray<kRecordHashBytes> hash;
  std::copy_n(sha256.finish().begin(), hash.size(), hash.begin());
  return hash;
}

}  // namespace cwtch::log
