#include "engine/core/sha256.hpp"

#include <openssl/evp.h>

#include "engine/core/check.hpp"

namespace cwtch {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr && EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::add(ByteView bytes) { CHECK(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1); }

ByteArray<32> Sha256::finish() {
  ByteArray<32> digest;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context_, digest.data(), &size) == 1 && size == digest.size());
  CHECK(EVP_DigestInit_ex(context_, nullptr, nullptr) == 1);
  return digest;
}

}  // namespace cwtch
