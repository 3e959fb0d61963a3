#include "engine/client/group.hpp"

#include <openssl/evp.h>

#include "engine/client/json_text.hpp"
#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

constexpr int kRounds = 4096;
constexpr std::string_view kInvitePrefix = "torv3";
constexpr size_t kInviteBytesMax = 8192;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

void wipe(std::string& text) { explicit_bzero(text.data(), text.size()); }

}  // namespace

Result<GroupId> group_id(const GroupKey& key, std::string_view server) {
  const Result<PublicKey> salt = key_of_hostname(server);
  if (!salt) return fail(salt.error());
  GroupId id;
  CHECK(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(key.data()), static_cast<int>(key.size()), salt->data(),
                          static_cast<int>(salt->size()), kRounds, EVP_sha512(), static_cast<int>(id.size()),
                          id.data()) == 1);
  return id;
}

Result<Group> create_group(std::string_view server, std::string_view name, Random& random) {
  if (name.size() > kGroupNameBytesMax) return fail(Errc::too_large, "group: name is longer than 256 bytes");
  if (!valid_utf8(name)) return fail(Errc::malformed, "group: name is not UTF-8");
  Group group;
  random.fill({group.key.data(), GroupKey::size()});
  const Result<GroupId> id = group_id(group.key, server);
  if (!id) return fail(id.error());
  group.id = *id;
  group.server = server;
  group.name = name;
  return group;
}

std::string invite_of(const Group& group) {
  std::string json = R"({"GroupID":")" + group.id_text() + R"(","GroupName":)";
  append_go_string(json, group.name);
  std::string key = to_base64(group.key.view());
  json += R"(,"SignedGroupID":null,"Timestamp":0,"SharedKey":")" + key + R"(","ServerHost":")" + group.server + R"("})";
  std::string invite = std::string(kInvitePrefix) + to_base64(bytes_of(json));
  wipe(key);
  wipe(json);
  return invite;
}

Result<Group> group_of_invite(std::string_view invite) {
  invite = trimmed(invite);
  if (invite.size() > kInviteBytesMax) return fail(Errc::too_large, "invite: longer than 8192 bytes");
  if (!invite.starts_with(kInvitePrefix)) return fail(Errc::malformed, "invite: does not begin with torv3");
  Result<Bytes> json = from_base64(invite.substr(kInvitePrefix.size()));
  if (!json) return fail(Errc::malformed, "invite: not base64 behind torv3");

  JsonField id{"GroupID"}, name{"GroupName"}, key{"SharedKey"}, server{"ServerHost"};
  const bool read = read_object(text_of(*json), {&id, &name, &key, &server});
  explicit_bzero(json->data(), json->size());
  if (!read) return fail(Errc::malformed, "invite: not a JSON object");
  if (id.kind != JsonField::Kind::text || key.kind != JsonField::Kind::text || server.kind != JsonField::Kind::text) {
    return fail(Errc::malformed, "invite: GroupID, SharedKey or ServerHost is missing");
  }
  if (name.text.size() > kGroupNameBytesMax) return fail(Errc::too_large, "invite: name is longer than 256 bytes");

  Result<Bytes> key_bytes = from_base64(key.text);
  wipe(key.text);
  if (!key_bytes || key_bytes->size() != GroupKey::size()) {
    return fail(Errc::malformed, "invite: SharedKey is not 32 bytes");
  }
  Group group;
  group.key = GroupKey(std::span<const uint8_t, GroupKey::size()>(key_bytes->data(), GroupKey::size()));
  explicit_bzero(key_bytes->data(), key_bytes->size());
  const Result<GroupId> recomputed = group_id(group.key, server.text);
  if (!recomputed) return fail(recomputed.error());
  if (to_hex(*recomputed) != id.text) return fail(Errc::malformed, "invite: GroupID does not belong to its key");
  group.id = *recomputed;
  group.server = std::move(server.text);
  group.name = std::move(name.text);
  return group;
}

}  // namespace cwtch::client
