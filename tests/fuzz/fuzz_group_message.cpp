// What a member with the group's key may write, and what a server may serve: matched, opened, parsed; never trusted.
#include <sodium.h>

#include "engine/client/keyring.hpp"
#include "engine/client/message.hpp"
#include "engine/client/overlay.hpp"
#include "engine/client/server_documents.hpp"
#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "engine/log/format.hpp"

using namespace cwtch;
using namespace cwtch::client;

namespace {

struct World {
  World() {
    CHECK(sodium_init() >= 0);
    SeededRandom random(1);
    author.emplace(Identity::create(random));
    group = create_group(author->hostname(), "fuzz", random).value();
    keyring.emplace(author->hostname());
    keyring->add(group);
  }
  std::optional<Identity> author;
  Group group;
  std::optional<Keyring> keyring;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  const ByteView bytes(data, size);
  // As a record from the server.
  if (size >= log::kRecordBytesMin && size <= log::kRecordBytesMax && world.keyring->match(bytes) != Keyring::kNone)
    (void)open(world.group, bytes);
  (void)open(world.group, bytes);
  // As the plaintext of a member who has the key and wishes us ill.
  if (size <= 4000) {
    SeededRandom random(2);
    ByteArray<24> nonce;
    random.fill(nonce);
    const Bytes record = seal(world.group, *world.author, text_of(bytes), nonce, Form::untagged);
    const Result<Opened> opened = open(world.group, record);
    if (opened) {
      const Overlay overlay = parse_overlay(opened->message.text);
      CHECK(!overlay.part || (overlay.part->index < overlay.part->count && overlay.part->count <= kPartsMax));
    }
  }
  const std::string_view text = text_of(bytes);
  (void)parse_overlay(text);
  (void)group_of_invite(text);
  (void)parse_server(text);
  (void)parse_segments(text);
  (void)parse_posted(text);
  return 0;
}
