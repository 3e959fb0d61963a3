// One group message: its plaintext, the record that carries it, and back.
//
// Plaintext   {"Text":s,"Onion":author,"Timestamp":seconds,"SignedGroupID":b64(id),"PreviousMessageSig":b64,
//             "Padding":b64}, as Go's encoding/json writes it
// Ciphertext  nonce(24) ‖ secretbox(group key, nonce, plaintext)
// Signature   Ed25519 of the author over hex(id) ‖ server hostname ‖ b64(plaintext). It is the message's identity
//             everywhere: in the log, in the message tree, for duplicates.
// Record      signature ‖ entry ‖ ciphertext
#pragma once

#include <optional>

#include "engine/client/entry.hpp"
#include "engine/client/group.hpp"
#include "engine/client/identity.hpp"

namespace cwtch::client {

constexpr size_t kTextBytesMax = 1800;                // of one message, as Cwtch limits it
constexpr size_t kTaggedCiphertextBytes = 2720;       // of every tagged message, whatever its text
constexpr size_t kUntaggedCiphertextBytesMax = 5800;  // so that a post still fits one frame of the Cwtch wire

// tagged: one length for all, and an index entry. untagged: exactly what a Cwtch app makes.
enum class Form : uint8_t { tagged, untagged };

struct Message {
  std::string text;        // an overlay (overlay.hpp)
  std::string author;      // hostname
  uint64_t timestamp = 0;  // seconds since 1970, as the author claims
  GroupId group{};
  std::optional<Signature> previous;  // the newest message that the author had seen
  Bytes padding;
};

std::string plaintext_of(const Message& message);

// What fits one message of this form, for any predecessor and any time before the year 2286: a text has at most so many
// bytes, and at most so many as go_escaped_size() counts.
struct TextLimits {
  size_t bytes_max;
  size_t escaped_bytes_max;
};
TextLimits text_limits(Form form);

struct Draft {
  std::string_view text;
  uint64_t timestamp = 0;
  std::optional<Signature> previous;
};

// Makes a record. Errors: too_large for a text that does not fit `form`, malformed for one that is not UTF-8.
Result<Bytes> compose(const Group& group, const Identity& author, const Draft& draft, Form form, Random& random);

// The same with everything chosen: the plaintext's exact bytes and the nonce.
Bytes seal(const Group& group, const Identity& author, std::string_view plaintext, ByteView nonce, Form form);

struct Opened {
  Message message;
  PublicKey author;  // message.author's, whose signature the record has
};

// Opens what Keyring::match() recognised. not_found: the key does not open it after all. malformed: a member wrote it,
// but it is not a message (not JSON, foreign group, wrong signature, wrong record hash). `record` may be any bytes.
Result<Opened> open(const Group& group, ByteView record);

}  // namespace cwtch::client
