#include "engine/core/hostname.hpp"

#include <openssl/evp.h>
#include <sodium.h>

#include "engine/core/check.hpp"

namespace cwtch {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr uint8_t kVersion = 3;
constexpr size_t kRawBytes = 35;  // key, two bytes of checksum, version
static_assert(kRawBytes * 8 == kHostnameChars * 5, "base32 without padding");

ByteArray<kRawBytes> raw_of(const PublicKey& key) {
  constexpr std::string_view kLabel = ".onion checksum";
  ByteArray<kLabel.size() + 32 + 1> input;
  std::memcpy(input.data(), kLabel.data(), kLabel.size());
  std::memcpy(input.data() + kLabel.size(), key.data(), key.size());
  input.back() = kVersion;
  ByteArray<32> digest;
  CHECK(EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha3_256(), nullptr) == 1);

  ByteArray<kRawBytes> raw;
  std::memcpy(raw.data(), key.data(), key.size());
  raw[32] = digest[0];
  raw[33] = digest[1];
  raw[34] = kVersion;
  return raw;
}

}  // namespace

std::string hostname_of(const PublicKey& key) {
  std::string text;
  text.reserve(kHostnameChars);
  uint32_t bits = 0;
  unsigned bits_count = 0;
  for (const uint8_t byte : raw_of(key)) {
    bits = bits << 8 | byte;
    for (bits_count += 8; bits_count >= 5; bits_count -= 5) text += kAlphabet[bits >> (bits_count - 5) & 31];
  }
  return text;
}

Result<PublicKey> unchecked_key_of_hostname(std::string_view hostname) {
  if (hostname.size() != kHostnameChars) return fail(Errc::malformed, "hostname: not 56 characters");
  ByteArray<kRawBytes> raw{};
  uint32_t bits = 0;
  unsigned bits_count = 0;
  size_t size = 0;
  for (const char c : hostname) {
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return fail(Errc::malformed, "hostname: not lower-case base32");
    bits = bits << 5 | static_cast<uint32_t>(digit);
    bits_count += 5;
    if (bits_count >= 8) raw[size++] = static_cast<uint8_t>(bits >> (bits_count -= 8));
  }
  PublicKey key;
  std::memcpy(key.data(), raw.data(), key.size());
  if (raw != raw_of(key)) return fail(Errc::malformed, "hostname: checksum or version differs");
  return key;
}

Result<PublicKey> key_of_hostname(std::string_view hostname) {
  Result<PublicKey> key = unchecked_key_of_hostname(hostname);
  if (key && crypto_core_ed25519_is_valid_point(key->data()) != 1)
    return fail(Errc::malformed, "hostname: not a valid key");
  return key;
}

}  // namespace cwtch
