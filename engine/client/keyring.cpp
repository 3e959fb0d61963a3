#include "engine/client/keyring.hpp"

#include <sodium.h>

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "engine/log/format.hpp"

namespace cwtch::client {
namespace {

constexpr std::string_view kOpening = "{\"Text\":";
static_assert(kOpening.size() == 8);

// secretbox spends the first 32 bytes of its key stream on the Poly1305 key; plaintext begins behind them, and the
// ciphertext behind nonce and tag.
constexpr size_t kStreamOffset = crypto_secretbox_ZEROBYTES;
constexpr size_t kFirstCiphertext = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;

bool probe(const GroupKey& key, ByteView ciphertext) {
  SecretBytes<crypto_core_hsalsa20_OUTPUTBYTES> subkey;
  crypto_core_hsalsa20(subkey.data(), ciphertext.data(), key.data(), nullptr);
  SecretBytes<kStreamOffset + kOpening.size()> stream;
  crypto_stream_salsa20(stream.data(), stream.size(), ciphertext.data() + crypto_core_hsalsa20_INPUTBYTES,
                        subkey.data());
  const auto opened =
      load_le<uint64_t>(stream.data() + kStreamOffset) ^ load_le<uint64_t>(ciphertext.data() + kFirstCiphertext);
  return opened == load_le<uint64_t>(bytes_of(kOpening).data());
}

}  // namespace

Keyring::Keyring(std::string_view server) : server_(server) {
  CHECK(sodium_init() >= 0);  // lets libsodium choose the fastest code for this processor
}

void Keyring::add(const Group& group) {
  CHECK(group.server == server_);
  keys_.push_back({group.key.clone(), entry_key(group.key)});
}

size_t Keyring::match(ByteView record, size_t from) const {
  CHECK(record.size() >= log::kRecordBytesMin);
  const ByteView entry = log::entry_of(record);
  const ByteView ciphertext = log::ciphertext_of(record);
  const bool tagged = sodium_is_zero(entry.data(), entry.size()) == 0;
  if (!tagged && ciphertext.size() < kFirstCiphertext + kOpening.size()) return kNone;
  for (size_t i = from; i < keys_.size(); ++i) {
    if (tagged) {
      const ByteArray<8> tag = entry_tag(keys_[i].entry, server_, entry.first(log::kRecordHashBytes));
      if (sodium_memcmp(tag.data(), entry.data() + log::kRecordHashBytes, tag.size()) == 0) return i;
    } else if (probe(keys_[i].group, ciphertext)) {
      return i;
    }
  }
  return kNone;
}

}  // namespace cwtch::client
