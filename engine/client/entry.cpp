#include "engine/client/entry.hpp"

#include <sodium.h>

#include "engine/core/check.hpp"
#include "engine/log/format.hpp"

namespace cwtch::client {
namespace {

constexpr std::string_view kKeyLabel = "cwtch index v1";
static_assert(EntryKey::size() == crypto_shorthash_siphashx24_KEYBYTES);

}  // namespace

EntryKey entry_key(const GroupKey& key) {
  SecretBytes<32> derived;
  const ByteView label = bytes_of(kKeyLabel);
  CHECK(crypto_generichash_blake2b(derived.data(), derived.size(), label.data(), label.size(), key.data(),
                                   key.size()) == 0);
  return EntryKey(derived.view().first<EntryKey::size()>());
}

ByteArray<8> entry_tag(const EntryKey& key, std::string_view server, ByteView record_hash) {
  ByteArray<kHostnameChars + log::kRecordHashBytes> input;
  CHECK(server.size() == kHostnameChars);
  CHECK(record_hash.size() == log::kRecordHashBytes);
  std::memcpy(input.data(), server.data(), server.size());
  std::memcpy(input.data() + server.size(), record_hash.data(), record_hash.size());
  ByteArray<16> tag;
  crypto_shorthash_siphashx24(tag.data(), input.data(), input.size(), key.data());
  ByteArray<8> half;
  std::memcpy(half.data(), tag.data(), half.size());
  return half;
}

Entry make_entry(const EntryKey& key, std::string_view server, ByteView signature, ByteView ciphertext) {
  const ByteArray<log::kRecordHashBytes> hash = log::record_hash(signature, ciphertext);
  const ByteArray<8> tag = entry_tag(key, server, hash);
  Entry entry;
  std::memcpy(entry.data(), hash.data(), hash.size());
  std::memcpy(entry.data() + hash.size(), tag.data(), tag.size());
  return entry;
}

}  // namespace cwtch::client
