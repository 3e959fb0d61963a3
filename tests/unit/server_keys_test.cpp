// The keys of a server are made once, are what the formats say, and are refused when they are not.
#include <gtest/gtest.h>
#include <sodium.h>

#include "engine/server/keys.hpp"
#include "engine/sim/world.hpp"

namespace cwtch::server {
namespace {

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    CHECK(sodium_init() >= 0);
    CHECK(files.make_directory("d"));
  }
  void overwrite(const std::string& path, ByteView bytes) {
    ASSERT_TRUE(files.unlink(path));
    const auto file = files.open(path, {.write = true, .create = true});
    ASSERT_TRUE(file);
    ASSERT_TRUE(files.write(*file, bytes, 0));
    files.close(*file);
  }
  Bytes read(const std::string& path) {
    const auto file = files.open(path, {});
    CHECK(file.has_value());
    Bytes bytes(1000);
    bytes.resize(*files.read(*file, bytes, 0));
    files.close(*file);
    return bytes;
  }

  sim::World world{1};
  io::Files& files = world.files();
  std::string which;
};

TEST_F(KeysTest, AreMadeOnceAndLoadedAgain) {
  ASSERT_TRUE(create_keys(files, world.random(), "d"));
  const auto keys = load_keys(files, "d", &which);
  ASSERT_TRUE(keys) << which;
  EXPECT_FALSE(create_keys(files, world.random(), "d"));
  const auto again = load_keys(files, "d", &which);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->token_board.public_key, keys->token_board.public_key);
  EXPECT_NE(keys->token_board.public_key, keys->token_service.public_key);
  EXPECT_NE(keys->token_board.public_key, keys->native_api.public_key);
  EXPECT_EQ(keys->token_board.hostname.size(), 56u);
}

// A seed of zeros gives the key and the host name of the vectors (tests/vectors/hostname.json, case 0).
TEST_F(KeysTest, HostNameIsTheOnionName) {
  ASSERT_TRUE(create_keys(files, world.random(), "d"));
  overwrite("d/keys/token_board.seed", Bytes(32));
  const auto keys = load_keys(files, "d", &which);
  ASSERT_TRUE(keys);
  EXPECT_EQ(to_hex(keys->token_board.public_key), "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29");
  EXPECT_EQ(keys->token_board.hostname, "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iu63yid");
}

// The token key is a scalar below the group's order that is not zero.
TEST_F(KeysTest, TokenScalarIsReduced) {
  ASSERT_TRUE(create_keys(files, world.random(), "d"));
  const Bytes scalar = read("d/keys/token.scalar");
  ASSERT_EQ(scalar.size(), 32u);
  Bytes wide(64), reduced(32);
  std::copy(scalar.begin(), scalar.end(), wide.begin());
  crypto_core_ristretto255_scalar_reduce(reduced.data(), wide.data());
  EXPECT_EQ(reduced, scalar);
}

TEST_F(KeysTest, WrongFilesAreNamed) {
  for (const char* name : {"token_board.seed", "token_service.seed", "native_api.seed", "token.scalar"}) {
    SCOPED_TRACE(name);
    const std::string directory = std::string("d-") + name, path = directory + "/keys/" + name;
    ASSERT_TRUE(files.make_directory(directory));
    ASSERT_TRUE(create_keys(files, world.random(), directory));
    for (const size_t size : {size_t{0}, size_t{31}, size_t{33}}) {
      overwrite(path, Bytes(size, 1));
      EXPECT_EQ(load_keys(files, directory, &which).error().code, Errc::malformed);
      EXPECT_EQ(which, path);
    }
    ASSERT_TRUE(files.unlink(path));
    EXPECT_EQ(load_keys(files, directory, &which).error().code, Errc::not_found);
    EXPECT_EQ(which, path);
  }
  ASSERT_TRUE(create_keys(files, world.random(), "d"));
  overwrite("d/keys/token.scalar", Bytes(32));
  EXPECT_EQ(load_keys(files, "d", &which).error().code, Errc::malformed) << "anyone could forge tokens";
}

}  // namespace
}  // namespace cwtch::server
