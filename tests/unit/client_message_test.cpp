// Messages: every tagged record has one length, what is composed opens, and nothing else does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include "engine/client/json_text.hpp"
#include "engine/client/keyring.hpp"
#include "engine/client/message.hpp"
#include "engine/client/overlay.hpp"
#include "engine/log/format.hpp"

namespace cwtch::client {
namespace {

class ClientMessage : public testing::Test {
 protected:
  Result<Bytes> compose_text(std::string_view text, Form form, std::optional<Signature> previous = {}) {
    return compose(group_, author_, {.text = text, .timestamp = 1700000000, .previous = previous}, form, random_);
  }
  // Any text of `size` bytes, from characters that cost 1 to 7 bytes once escaped twice.
  std::string random_text(size_t size) {
    static constexpr std::string_view kPieces[] = {"a",    " ", "\"", "\\", "<",      "\n",
                                                   "\x01", "ü", "漢", "😀",  "\u2028", "&"};
    std::string text;
    while (text.size() < size) text += kPieces[random_.below(std::size(kPieces))];
    return text;
  }

  SeededRandom random_{20251125};
  Identity author_ = Identity::create(random_);
  std::string server_ = Identity::create(random_).hostname();
  Group group_ = std::move(*create_group(server_, "friends", random_));
};

// Whatever the text and the predecessor: the observer sees 2,720 bytes and a nonzero entry.
TEST_F(ClientMessage, EveryTaggedCiphertextHasOneLength) {
  Keyring keyring(server_);
  keyring.add(group_);
  std::optional<Signature> previous;
  for (size_t size = 0; size < 1900; size += 1 + random_.below(23)) {
    const auto overlays = split(random_text(size), Form::tagged, random_);
    ASSERT_TRUE(overlays);
    for (const std::string& overlay : *overlays) {
      const auto record = compose_text(overlay, Form::tagged, previous);
      ASSERT_TRUE(record) << record.error().message();
      EXPECT_EQ(log::ciphertext_of(*record).size(), kTaggedCiphertextBytes);
      EXPECT_EQ(keyring.match(*record), 0u);
      const auto opened = open(group_, *record);
      ASSERT_TRUE(opened) << opened.error().message();
      EXPECT_EQ(opened->author, author_.key());
      const Message* const message = &opened->message;
      EXPECT_EQ(message->previous, previous);
      EXPECT_EQ(message->text.substr(0, overlay.size()), overlay);
      EXPECT_EQ(message->text.find_first_not_of(' ', overlay.size()), std::string::npos);
      EXPECT_LE(message->text.size(), kTextBytesMax);
      previous.emplace();
      std::copy_n(record->begin(), previous->size(), previous->begin());
    }
  }
}

// Padding and text make 1,800 bytes, as in a Cwtch app, and the entry is zero.
TEST_F(ClientMessage, UntaggedHasTheFormOfACwtchApp) {
  Keyring keyring(server_);
  keyring.add(group_);
  for (const size_t size : {0, 1, 700, 1799, 1800}) {
    const auto record = compose_text(std::string(size, 'x'), Form::untagged);
    ASSERT_TRUE(record) << record.error().message();
    EXPECT_EQ(sodium_is_zero(log::entry_of(*record).data(), log::kEntryBytes), 1);
    EXPECT_EQ(keyring.match(*record), 0u);
    const auto opened = open(group_, *record);
    ASSERT_TRUE(opened);
    const Message* const message = &opened->message;
    EXPECT_EQ(message->text.size() + message->padding.size(), kTextBytesMax);
    EXPECT_LE(log::ciphertext_of(*record).size(), kUntaggedCiphertextBytesMax);
  }
}

TEST_F(ClientMessage, TextsAtAndOverTheLimit) {
  for (const Form form : {Form::tagged, Form::untagged}) {
    const TextLimits limits = text_limits(form);
    EXPECT_TRUE(compose_text(std::string(limits.bytes_max, 'x'), form, Signature{}));
    EXPECT_EQ(compose_text(std::string(limits.bytes_max + 1, 'x'), form).error().code, Errc::too_large);
    const size_t quotes = limits.escaped_bytes_max / 2;
    if (quotes < limits.bytes_max) {
      EXPECT_TRUE(compose_text(std::string(quotes, '"'), form, Signature{}));
      EXPECT_EQ(compose_text(std::string(quotes + 1, '"'), form, Signature{}).error().code, Errc::too_large);
    }
  }
  EXPECT_EQ(compose_text("\xFF", Form::tagged).error().code, Errc::malformed);
}

// Whoever changes one bit of a record makes it a record of nobody, or a refused one.
TEST_F(ClientMessage, NoFlippedBitIsAccepted) {
  for (const Form form : {Form::tagged, Form::untagged}) {
    const Bytes record = *compose_text("{\"o\":1,\"d\":\"hello\"}", form);
    for (size_t i = 0; i < record.size() * 8; i += i < 100 * 8 ? 1 : 61) {
      Bytes changed = record;
      changed[i / 8] ^= static_cast<uint8_t>(1u << i % 8);
      const bool entry_tag = i / 8 >= 72 && i / 8 < 80;  // no signature covers it: the keyring looks at it
      if (entry_tag && form == Form::tagged) {
        Keyring keyring(server_);
        keyring.add(group_);
        EXPECT_EQ(keyring.match(changed), Keyring::kNone) << i;
      } else {
        EXPECT_FALSE(open(group_, changed)) << i;
      }
    }
  }
}

// A member who knows the key still cannot write in another's name, for another group, or nonsense.
TEST_F(ClientMessage, MembersCannotForgeEachOther) {
  const Identity mallory = Identity::create(random_);
  Message message{"hello", author_.hostname(), 1, group_.id, {}, {}};
  const Bytes nonce(24, 7);
  const auto refused = [&](std::string_view plaintext) {
    const auto opened = open(group_, seal(group_, mallory, plaintext, nonce, Form::untagged));
    return !opened && opened.error().code == Errc::malformed;
  };
  EXPECT_TRUE(refused(plaintext_of(message)));  // Onion is not who signed
  message.author = mallory.hostname();
  EXPECT_TRUE(open(group_, seal(group_, mallory, plaintext_of(message), nonce, Form::untagged)));
  message.group[0] ^= 1;
  EXPECT_TRUE(refused(plaintext_of(message)));
  message.group[0] ^= 1;
  message.author = "nobody";
  EXPECT_TRUE(refused(plaintext_of(message)));
  message.author = mallory.hostname();
  EXPECT_TRUE(refused(plaintext_of(message) + "x"));
  EXPECT_TRUE(refused("{\"Text\":"));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("{\"Text\":" + std::string(2000, '[')));
  EXPECT_TRUE(refused("null"));
}

// The same message under another server or key is not ours.
TEST_F(ClientMessage, ForeignGroupsDoNotOpen) {
  const Group other = std::move(*create_group(server_, "", random_));
  const Bytes record = *compose_text("hello", Form::untagged);
  EXPECT_EQ(open(other, record).error().code, Errc::not_found);
}

TEST_F(ClientMessage, WrongSizesAreRefusedNotRead) {
  const Bytes record = *compose_text("hello", Form::untagged);
  for (size_t size = 0; size < record.size(); size += size < 130 ? 1 : 97) {
    EXPECT_FALSE(open(group_, ByteView(record).first(size))) << size;
  }
  EXPECT_FALSE(open(group_, Bytes(log::kRecordBytesMax + 1)));
}

TEST_F(ClientMessage, InvitesAreCheckedNotTrusted) {
  const std::string invite = invite_of(group_);
  ASSERT_TRUE(group_of_invite(invite));
  const auto with = [&](std::string_view json) { return group_of_invite("torv3" + to_base64(bytes_of(json))); };
  const std::string key = to_base64(group_.key.view());
  EXPECT_TRUE(with(R"({"groupid":")" + group_.id_text() + R"(","SharedKey":")" + key + R"(","ServerHost":")" + server_ +
                   R"("})"));  // newer apps drop fields, Go's decoder ignores case
  EXPECT_FALSE(with(R"({"GroupID":"00","SharedKey":")" + key + R"(","ServerHost":")" + server_ + R"("})"));
  EXPECT_FALSE(
      with(R"({"GroupID":")" + group_.id_text() + R"(","SharedKey":"AAAA","ServerHost":")" + server_ + R"("})"));
  EXPECT_FALSE(with(R"({"GroupID":")" + group_.id_text() + R"(","SharedKey":")" + key + R"("})"));
  EXPECT_FALSE(with("[]"));
  EXPECT_FALSE(with("7"));
  EXPECT_FALSE(group_of_invite(""));
  EXPECT_FALSE(group_of_invite("torv4" + invite.substr(5)));
  EXPECT_FALSE(group_of_invite(invite.substr(0, invite.size() - 1)));
  EXPECT_EQ(group_of_invite("torv3" + std::string(9000, 'A')).error().code, Errc::too_large);
  EXPECT_EQ(create_group(server_, std::string(257, 'n'), random_).error().code, Errc::too_large);
  EXPECT_EQ(create_group("localhost", "", random_).error().code, Errc::malformed);
}

TEST(GoStrings, AreWrittenAsGoWritesThem) {
  std::string text;
  append_go_string(text, "a\"\\/<>&\n\r\t\x01\x1f\x7f ü\u2027\u2028\u2029\u202A");
  EXPECT_EQ(text, "\"a\\\"\\\\/\\u003c\\u003e\\u0026\\n\\r\\t\\u0001\\u001f\x7f ü\u2027\\u2028\\u2029\u202A\"");
  EXPECT_EQ(go_escaped_size("a<\u2028"), 1u + 6 + 6);
}

TEST(Utf8, IllFormedTextIsRecognised) {
  for (const std::string_view good : {"", "a", "ü", "\uFFFF", "\U00010000", "\U0010FFFF", "\xED\x9F\xBF"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (const std::string_view bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                     "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x80", "a\xFF"}) {
    EXPECT_FALSE(valid_utf8(bad)) << to_hex(bytes_of(bad));
  }
}

}  // namespace
}  // namespace cwtch::client
