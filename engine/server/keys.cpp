#include "engine/server/keys.hpp"

#include <sodium.h>

#include "engine/core/hostname.hpp"

namespace cwtch::server {
namespace {

constexpr const char* kTokenBoard = "token_board.seed";
constexpr const char* kTokenService = "token_service.seed";
constexpr const char* kNativeApi = "native_api.seed";
constexpr const char* kTokenScalar = "token.scalar";

std::string path_of(const std::string& directory, const char* name) { return directory + "/keys/" + name; }

Status write_key(io::Files& files, const std::string& path, ByteView secret) {
  const Result<io::File> file = files.open(path, {.write = true, .create = true});
  if (!file) return fail(file.error());
  const io::OpenFile open(files, *file);
  if (const Status written = files.write(*file, secret, 0); !written) return written;
  return files.sync(*file);
}

Status read_key(io::Files& files, const std::string& path, SecretBytes<32>& secret) {
  const Result<io::File> file = files.open(path, {});
  if (!file) return fail(file.error());
  const io::OpenFile open(files, *file);
  const Result<uint64_t> size = files.size(*file);
  if (!size) return fail(size.error());
  if (*size != secret.size()) return fail(Errc::malformed, "key: must be 32 bytes");
  const Result<size_t> got = files.read(*file, {secret.data(), secret.size()}, 0);
  if (!got) return fail(got.error());
  if (*got != secret.size()) return fail(Errc::malformed, "key: must be 32 bytes");
  return {};
}

Status read_identity(io::Files& files, const std::string& path, Identity& identity) {
  if (const Status read = read_key(files, path, identity.seed); !read) return read;
  SecretBytes<crypto_sign_SECRETKEYBYTES> secret;
  crypto_sign_seed_keypair(identity.public_key.data(), secret.data(), identity.seed.data());
  identity.hostname = hostname_of(identity.public_key);
  return {};
}

}  // namespace

Status create_keys(io::Files& files, Random& random, const std::string& directory) {
  if (const Status made = files.make_directory(directory + "/keys"); !made) return made;
  for (const char* const name : {kTokenBoard, kTokenService, kNativeApi}) {
    SecretBytes<32> seed;
    random.fill({seed.data(), seed.size()});
    if (const Status written = write_key(files, path_of(directory, name), seed.view()); !written) return written;
  }
  SecretBytes<64> wide;  // reduced from 64 bytes: no bias
  random.fill({wide.data(), wide.size()});
  SecretBytes<32> scalar;
  crypto_core_ristretto255_scalar_reduce(scalar.data(), wide.data());
  if (const Status written = write_key(files, path_of(directory, kTokenScalar), scalar.view()); !written)
    return written;
  if (const Status synced = files.sync_directory(directory + "/keys"); !synced) return synced;
  return files.sync_directory(directory);
}

Result<Keys> load_keys(io::Files& files, const std::string& directory, std::string* which) {
  Keys keys;
  const std::pair<const char*, Identity*> identities[] = {
      {kTokenBoard, &keys.token_board}, {kTokenService, &keys.token_service}, {kNativeApi, &keys.native_api}};
  for (const auto& [name, identity] : identities) {
    *which = path_of(directory, name);
    if (const Status read = read_identity(files, *which, *identity); !read) return fail(read.error());
  }
  *which = path_of(directory, kTokenScalar);
  if (const Status read = read_key(files, *which, keys.token_scalar); !read) return fail(read.error());
  if (sodium_is_zero(keys.token_scalar.data(), keys.token_scalar.size()) != 0)
    return fail(Errc::malformed, "key: a token scalar of zero lets anyone forge tokens");
  which->clear();
  return keys;
}

}  // namespace cwtch::server
