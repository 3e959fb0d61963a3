#include "engine/client/entry.hpp"

#include <sodium.h>

#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

constexpr std::string_view kKeyLabel = "cwtch index v1";
constexpr std::string_view kHashLabel = "cwtch-entry";
static_assert(EntryKey::size() == crypto_shorthash_siphashx24_KEYBYTES);

}  // namespace

EntryKey entry_key(const GroupKey& key) {
  SecretBytes<32> derived;
  const ByteView label = bytes_of(kKeyLabel);
  CHECK(crypto_generichash_blake2b(derived.data(), derived.size(), label.data(), label.size(), key.data(),
                                   key.size()) == 0);
  return EntryKey(derived.view().first<EntryKey::size()>());
}

ByteArray<kRecordHashBytes> record_hash(ByteView signature, ByteView ciphertext) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  for (const ByteView part : {bytes_of(kHashLabel), signature, ciphertext}) {
    crypto_hash_sha256_update(&state, part.data(), part.size());
  }
  ByteArray<32> digest;
  crypto_hash_sha256_final(&state, digest.data());
  ByteArray<kRecordHashBytes> hash;
  std::memcpy(hash.data(), digest.data(), hash.size());
  return hash;
}

ByteArray<8> entry_tag(const EntryKey& key, std::string_view server, ByteView record_hash) {
  ByteArray<kHostnameChars + kRecordHashBytes> input;
  CHECK(server.size() == kHostnameChars);
  CHECK(record_hash.size() == kRecordHashBytes);
  std::memcpy(input.data(), server.data(), server.size());
  std::memcpy(input.data() + server.size(), record_hash.data(), record_hash.size());
  ByteArray<16> tag;
  crypto_shorthash_siphashx24(tag.data(), input.data(), input.size(), key.data());
  ByteArray<8> half;
  std::memcpy(half.data(), tag.data(), half.size());
  return half;
}

Entry make_entry(const EntryKey& key, std::string_view server, ByteView signature, ByteView ciphertext) {
  const ByteArray<kRecordHashBytes> hash = record_hash(signature, ciphertext);
  const ByteArray<8> tag = entry_tag(key, server, hash);
  Entry entry;
  std::memcpy(entry.data(), hash.data(), hash.size());
  std::memcpy(entry.data() + hash.size(), tag.data(), tag.size());
  return entry;
}

}  // namespace cwtch::client
