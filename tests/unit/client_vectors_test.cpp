// The client against bytes that it did not make: tests/vectors says where each file comes from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/client/json_text.hpp"
#include "engine/client/keyring.hpp"
#include "engine/client/message.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::client {
namespace {

nlohmann::json vectors(const std::string& name) {
  std::ifstream file("tests/vectors/" + name);
  EXPECT_TRUE(file) << name << ": run from the root of the repository";
  return nlohmann::json::parse(file);
}

Bytes hex(const nlohmann::json& value) { return *from_hex(value.get<std::string>()); }

template <size_t N>
SecretBytes<N> secret(const nlohmann::json& value) {
  const Bytes bytes = hex(value);
  return SecretBytes<N>(std::span<const uint8_t, N>(bytes.data(), N));
}

Bytes record_of(const nlohmann::json& c) {
  Bytes record = hex(c["signature_hex"]);
  record.resize(log::kSignatureBytes + log::kEntryBytes);
  const Bytes ciphertext = hex(c["ciphertext_hex"]);
  record.insert(record.end(), ciphertext.begin(), ciphertext.end());
  return record;
}

TEST(HostnameVectors, KeysAndHostnamesAgreeBothWays) {
  const auto file = vectors("hostname.json");
  ASSERT_FALSE(file["cases"].empty());
  for (const auto& c : file["cases"]) {
    const std::string hostname = c["hostname"];
    EXPECT_EQ(Identity::from_seed(secret<32>(c["ed25519_seed_hex"])).hostname(), hostname);
    const auto key = key_of_hostname(hostname);
    ASSERT_TRUE(key) << key.error().message();
    EXPECT_EQ(to_hex(*key), c["ed25519_public_hex"]);
    EXPECT_EQ(hostname_of(*key), hostname);
  }
  for (const auto& c : file["invalid_hostnames"]) {
    EXPECT_FALSE(key_of_hostname(c["hostname"].get<std::string>())) << c["why"];
  }
}

class GroupVectors : public testing::Test {
 protected:
  const nlohmann::json cases_ = vectors("groups.json")["cases"];
};

TEST_F(GroupVectors, IdsAndInvites) {
  ASSERT_FALSE(cases_.empty());
  for (const auto& c : cases_) {
    const std::string invite = c["invite"];
    const auto group = group_of_invite(" " + invite + "\n");
    ASSERT_TRUE(group) << group.error().message();
    EXPECT_EQ(group->id_text(), c["group_id"]);
    EXPECT_EQ(to_hex(group->key.view()), c["group_key_hex"]);
    EXPECT_EQ(group->server, c["group_server"]);
    EXPECT_EQ(invite_of(*group), invite);
    EXPECT_EQ(to_hex(*group_id(group->key, group->server)), c["group_id"]);
  }
}

// The whole record, byte for byte, from plaintext and nonce; and the plaintext's bytes again from its fields.
TEST_F(GroupVectors, SealGivesTheSameCiphertextAndSignature) {
  for (const auto& c : cases_) {
    const auto group = group_of_invite(c["invite"].get<std::string>());
    const Identity author = Identity::from_seed(secret<32>(c["author_seed_hex"]));
    const std::string plaintext = c["decrypted_json"];
    EXPECT_EQ(seal(*group, author, plaintext, hex(c["nonce_hex"]), Form::untagged), record_of(c));

    const auto opened = open(*group, record_of(c));
    ASSERT_TRUE(opened) << opened.error().message();
    const Message* const message = &opened->message;
    EXPECT_EQ(plaintext_of(*message), plaintext);
    EXPECT_EQ(message->author, author.hostname());
    EXPECT_EQ(message->text.size() + message->padding.size(), kTextBytesMax);
  }
}

TEST_F(GroupVectors, TheProbeFindsEachRecordsGroupAndNoOther) {
  for (const auto& c : cases_) {
    Keyring keyring(c["group_server"].get<std::string>());
    SeededRandom random(1);
    keyring.add(*create_group(c["group_server"].get<std::string>(), "", random));
    keyring.add(*group_of_invite(c["invite"].get<std::string>()));
    EXPECT_EQ(keyring.match(record_of(c)), 1u);
    EXPECT_EQ(keyring.match_probe(log::probe_of(record_of(c))), 1u);
    EXPECT_EQ(keyring.match_probe(log::probe_of(record_of(c)), 2), Keyring::kNone);
    for (const auto& other : cases_) {
      if (other["group_id"] == c["group_id"]) continue;
      EXPECT_EQ(keyring.match(record_of(other)), Keyring::kNone);
      EXPECT_EQ(keyring.match_probe(log::probe_of(record_of(other))), Keyring::kNone);
    }
  }
}

TEST(EntryVectors, EntriesAgreeWithTheSecondImplementation) {
  const auto cases = vectors("entries.json")["cases"];
  ASSERT_FALSE(cases.empty());
  for (const auto& c : cases) {
    const EntryKey key = entry_key(secret<32>(c["group_key_hex"]));
    EXPECT_EQ(to_hex(key.view()), c["siphash_key_hex"]);
    const std::string server = c["server"];
    EXPECT_EQ(to_hex(make_entry(key, server, hex(c["signature_hex"]), hex(c["ciphertext_hex"]))), c["entry_hex"]);
  }
}

}  // namespace
}  // namespace cwtch::client
