// Who a profile is to its groups: an Ed25519 key pair, whose hostname is the author of its messages. The server never
// learns it: it is used inside the encryption only.
#pragma once

#include "engine/core/hostname.hpp"
#include "engine/core/random.hpp"

namespace cwtch::client {

using Seed = SecretBytes<32>;
using Signature = ByteArray<64>;

class Identity {
 public:
  static Identity create(Random& random);
  static Identity from_seed(const Seed& seed);

  const PublicKey& key() const { return key_; }
  const std::string& hostname() const { return hostname_; }
  const Seed& seed() const { return seed_; }
  Signature sign(ByteView text) const;

 private:
  Identity() = default;

  Seed seed_;
  SecretBytes<64> secret_;  // seed ‖ public key, as libsodium wants it
  PublicKey key_{};
  std::string hostname_;
};

// Strict: refuses keys of small order and signatures that are not canonical.
bool verify_signature(const PublicKey& key, ByteView text, const Signature& signature);

}  // namespace cwtch::client
