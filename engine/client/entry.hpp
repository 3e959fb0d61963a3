// The index entry of a tagged record: 16 bytes by which a member recognises a record of its group and nobody else does.
//
//   entry = rh ‖ t
//   rh    = SHA-256("cwtch-entry" ‖ signature ‖ ciphertext)[0..8)
//   t     = SipHash-2-4-128(k, server hostname ‖ rh)[0..8)
//   k     = BLAKE2b-256(key = group key, "cwtch index v1")[0..16)
//
// Stateless: no counter that a second device or a restored backup could repeat. To outsiders t is random; a false match
// and a forgery both have probability 2^-64.
#pragma once

#include "engine/client/group.hpp"

namespace cwtch::client {

using Entry = ByteArray<16>;
using EntryKey = SecretBytes<16>;

EntryKey entry_key(const GroupKey& key);

// t over rh, the first eight bytes of `entry`: log::record_hash().
ByteArray<8> entry_tag(const EntryKey& key, std::string_view server, ByteView record_hash);

Entry make_entry(const EntryKey& key, std::string_view server, ByteView signature, ByteView ciphertext);

}  // namespace cwtch::client
