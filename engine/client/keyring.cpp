#include "engine/client/keyring.hpp"

#include <sodium.h>

#include "engine/client/profile.hpp"
#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::client {
namespace {

constexpr std::string_view kOpening = "{\"Text\":";
static_assert(kOpening.size() == 8);

// secretbox spends the first 32 bytes of its key stream on the Poly1305 key; plaintext begins behind them, and the
// ciphertext behind nonce and tag.
constexpr size_t kStreamOffset = crypto_secretbox_ZEROBYTES;
constexpr size_t kFirstCiphertext = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;

// `opening`: the first ciphertext bytes behind the tag.
bool opens(const GroupKey& key, const uint8_t* nonce, const uint8_t* opening) {
  SecretBytes<crypto_core_hsalsa20_OUTPUTBYTES> subkey;
  crypto_core_hsalsa20(subkey.data(), nonce, key.data(), nullptr);
  SecretBytes<kStreamOffset + kOpening.size()> stream;
  crypto_stream_salsa20(stream.data(), stream.size(), nonce + crypto_core_hsalsa20_INPUTBYTES, subkey.data());
  const auto opened = load_le<uint64_t>(stream.data() + kStreamOffset) ^ load_le<uint64_t>(opening);
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

std::vector<GroupId> Keyring::add_all(const Profile& profile) {
  CHECK(keys_.empty());
  std::vector<GroupId> ids;
  for (const GroupState& group : profile.groups()) {
    if (group.group.server != server_) continue;
    add(group.group);
    ids.push_back(group.group.id);
  }
  return ids;
}

size_t Keyring::match(ByteView record, size_t from) const {
  CHECK(record.size() >= log::kRecordBytesMin);
  if (log::is_tagged(record)) return match_entry(log::entry_of(record), from);
  if (log::ciphertext_of(record).size() < kFirstCiphertext + kOpening.size()) return kNone;
  return match_probe(log::probe_of(record), from);
}

size_t Keyring::match_entry(ByteView entry, size_t from) const {
  CHECK(entry.size() == log::kEntryBytes);
  for (size_t i = from; i < keys_.size(); ++i) {
    const ByteArray<8> tag = entry_tag(keys_[i].entry, server_, entry.first(log::kRecordHashBytes));
    if (sodium_memcmp(tag.data(), entry.data() + log::kRecordHashBytes, tag.size()) == 0) return i;
  }
  return kNone;
}

size_t Keyring::match_probe(ByteView probe, size_t from) const {
  CHECK(probe.size() == log::kProbeBytes);
  for (size_t i = from; i < keys_.size(); ++i) {
    if (opens(keys_[i].group, probe.data(), probe.data() + log::kNonceBytes)) return i;
  }
  return kNone;
}

}  // namespace cwtch::client
