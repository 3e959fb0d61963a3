// Onion v3 hostnames: the text form of an Ed25519 key, which names servers and authors.
//
// hostname = base32(key ‖ SHA3-256(".onion checksum" ‖ key ‖ 3)[0..2) ‖ 3), 56 lower-case letters, without ".onion".
#pragma once

#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/result.hpp"

namespace cwtch {

using PublicKey = ByteArray<32>;
constexpr size_t kHostnameChars = 56;

std::string hostname_of(const PublicKey& key);

// The inverse. malformed unless the text is exactly what hostname_of() gives for a valid point of the main subgroup.
Result<PublicKey> key_of_hostname(std::string_view hostname);
// Without looking whether the bytes are a point, which takes longer than checking a signature: for keys that are only
// used to check one, since that refuses what is no point.
Result<PublicKey> unchecked_key_of_hostname(std::string_view hostname);

}  // namespace cwtch
