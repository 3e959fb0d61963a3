// SHA-256 (FIPS 180-4) of bytes that come in pieces. OpenSSL's, which uses the processor's SHA instructions.
#pragma once

#include "engine/core/bytes.hpp"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace cwtch {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(ByteView bytes);
  ByteArray<32> finish();  // and begins anew

 private:
  evp_md_ctx_st* const context_;
};

}  // namespace cwtch
