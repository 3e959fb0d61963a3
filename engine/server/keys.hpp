// The secrets of a server: three identities and the token key, made once by `cwtchd init`, one file each, mode 0600.
//
//   keys/token_board.seed    Ed25519 seed (32 bytes): the server's name, its onion service and its key bundle
//   keys/token_service.seed  Ed25519 seed: the token service's onion
//   keys/native_api.seed     Ed25519 seed: the native API's onion
//   keys/token.scalar        ristretto255 scalar: issues tokens
//
// All four exist from the first day on, whether or not anything uses them yet: clients pin them on first use.
#pragma once

#include <string>

#include "engine/core/bytes.hpp"
#include "engine/core/random.hpp"
#include "engine/io/files.hpp"

namespace cwtch::server {

struct Identity {
  SecretBytes<32> seed;
  ByteArray<32> public_key;
  std::string hostname;  // onion v3, without ".onion"
};

struct Keys {
  Identity token_board;
  Identity token_service;
  Identity native_api;
  SecretBytes<32> token_scalar;
};

// Makes all of them in directory + "/keys". An existing key is an error: an identity is never made twice.
Status create_keys(io::Files& files, Random& random, const std::string& directory);
// not_found, malformed or corrupt, with *which naming the file. A scalar of zero is refused: anyone could forge tokens.
Result<Keys> load_keys(io::Files& files, const std::string& directory, std::string* which);

}  // namespace cwtch::server
