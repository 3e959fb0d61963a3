// A group: one secret key shared by its members, on one server. Who has the key reads and writes.
//
// The server never sees any of this. The rules are those of Cwtch's legacy groups, so that members with a Cwtch app and
// members with this client share a group.
#pragma once

#include <string>

#include "engine/core/hostname.hpp"
#include "engine/core/random.hpp"

namespace cwtch::client {

using GroupId = ByteArray<16>;
using GroupKey = SecretBytes<32>;
constexpr size_t kGroupNameBytesMax = 256;

struct Group {
  GroupId id{};
  GroupKey key;
  std::string server;  // hostname of the server's key
  std::string name;    // for people; may be empty

  std::string id_text() const { return to_hex(id); }
};

// PBKDF2-HMAC-SHA-512 of the group key, salted with the server's key, 4096 rounds, 16 bytes. Takes milliseconds.
Result<GroupId> group_id(const GroupKey& key, std::string_view server);

// A group with a fresh key.
Result<Group> create_group(std::string_view server, std::string_view name, Random& random);

// "torv3" ‖ base64(JSON): the text that admits whoever reads it. It contains the group key: a secret.
std::string invite_of(const Group& group);

// The inverse, for text from anybody: surrounding white space is ignored, the id is recomputed and must agree.
Result<Group> group_of_invite(std::string_view invite);

}  // namespace cwtch::client
