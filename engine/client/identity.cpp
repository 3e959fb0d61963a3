#include "engine/client/identity.hpp"

#include <sodium.h>

#include "engine/core/check.hpp"

namespace cwtch::client {

Identity Identity::create(Random& random) {
  Seed seed;
  random.fill({seed.data(), Seed::size()});
  return from_seed(seed);
}

Identity Identity::from_seed(const Seed& seed) {
  Identity identity;
  CHECK(crypto_sign_seed_keypair(identity.key_.data(), identity.secret_.data(), seed.data()) == 0);
  identity.seed_ = seed.clone();
  identity.hostname_ = hostname_of(identity.key_);
  return identity;
}

Signature Identity::sign(ByteView text) const {
  Signature signature;
  CHECK(crypto_sign_detached(signature.data(), nullptr, text.data(), text.size(), secret_.data()) == 0);
  return signature;
}

bool verify_signature(const PublicKey& key, ByteView text, const Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), text.data(), text.size(), key.data()) == 0;
}

}  // namespace cwtch::client
