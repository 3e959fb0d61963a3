#include <openssl/evp.h>

#include <algorithm>
#include <string_view>

#include "engine/board/board.hpp"
#include "engine/core/check.hpp"

namespace cwtch::board {

ByteArray<8> record_hash(ByteView record) {
  CHECK(record.size() >= log::kRecordBytesMin);
  constexpr std::string_view kDomain = "cwtch-entry";
  ByteArray<32> digest;
  // One context per thread, set up once: making one costs more than hashing a record.
  struct Context {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(context); }
  };
  thread_local const Context own;
  EVP_MD_CTX* const context = own.context;
  const ByteView signature = log::signature_of(record);
  const ByteView ciphertext = log::ciphertext_of(record);
  CHECK(context != nullptr);
  CHECK(EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1);
  CHECK(EVP_DigestUpdate(context, kDomain.data(), kDomain.size()) == 1);
  CHECK(EVP_DigestUpdate(context, signature.data(), signature.size()) == 1);
  CHECK(EVP_DigestUpdate(context, ciphertext.data(), ciphertext.size()) == 1);
  CHECK(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  ByteArray<8> hash;
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

Status check_form(ByteView record) {
  if (record.size() > log::kRecordBytesMax) return fail(Errc::too_large, "record: longer than 6080 bytes");
  if (record.size() < log::kRecordBytesMin) return fail(Errc::malformed, "record: shorter than 120 bytes");
  const ByteView entry = log::entry_of(record);
  if (std::all_of(entry.begin(), entry.end(), [](uint8_t byte) { return byte == 0; })) return {};
  if (!equal_vartime(entry.first(8), record_hash(record))) {
    return fail(Errc::malformed, "record: entry is neither zeros nor made for this record");
  }
  return {};
}

static_assert(log::kRecordBytesMin == 120 && log::kRecordBytesMax == 6080);  // as the messages above say

}  // namespace cwtch::board
