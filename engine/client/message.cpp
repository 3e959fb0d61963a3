#include "engine/client/message.hpp"

#include <sodium.h>

#include "engine/client/json_text.hpp"
#include "engine/core/check.hpp"
#include "engine/log/format.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kNonceBytes = crypto_secretbox_NONCEBYTES;
constexpr size_t kTagBytes = crypto_secretbox_MACBYTES;
constexpr size_t kTaggedPlaintextBytes = kTaggedCiphertextBytes - kNonceBytes - kTagBytes;
static_assert(kNonceBytes == log::kNonceBytes);
static_assert(kUntaggedCiphertextBytesMax <= log::kCiphertextBytesMax);

constexpr size_t kSpacesMax = 3;  // behind the overlay of a tagged message: padding comes in steps of four characters

size_t base64_size(size_t bytes) { return (bytes + 2) / 3 * 4; }

// The plaintext of a message with the longest predecessor, no text and no padding.
size_t frame_bytes() {
  static const size_t size = [] {
    Message message;
    message.author.assign(kHostnameChars, 'a');
    message.timestamp = 1'000'000'000;  // ten digits until the year 2286
    message.previous.emplace();
    return plaintext_of(message).size();
  }();
  return size;
}

// What the author signs.
std::string signed_text(const Group& group, ByteView plaintext) {
  return group.id_text() + group.server + to_base64(plaintext);
}

Result<Bytes> text_bytes(const JsonField& field) {
  if (field.kind == JsonField::Kind::text) return from_base64(field.text);
  if (field.kind == JsonField::Kind::null || field.kind == JsonField::Kind::absent) return Bytes{};
  return fail(Errc::malformed, "message: a byte field is not base64");
}

Result<Message> parse(ByteView plaintext) {
  JsonField text{"Text"}, onion{"Onion"}, timestamp{"Timestamp"}, group{"SignedGroupID"},
      previous{"PreviousMessageSig"}, padding{"Padding"};
  if (!read_object(text_of(plaintext), {&text, &onion, &timestamp, &group, &previous, &padding})) {
    return fail(Errc::malformed, "message: not a JSON object");
  }
  if (text.kind != JsonField::Kind::text || onion.kind != JsonField::Kind::text ||
      timestamp.kind != JsonField::Kind::number) {
    return fail(Errc::malformed, "message: Text, Onion or Timestamp is missing");
  }
  const Result<Bytes> group_bytes = text_bytes(group);
  const Result<Bytes> previous_bytes = text_bytes(previous);
  Result<Bytes> padding_bytes = text_bytes(padding);
  if (!group_bytes || !previous_bytes || !padding_bytes) {
    return fail(Errc::malformed, "message: a byte field is not base64");
  }

  Message message;
  message.text = std::move(text.text);
  message.author = std::move(onion.text);
  message.timestamp = timestamp.number;
  if (group_bytes->size() != message.group.size())
    return fail(Errc::malformed, "message: SignedGroupID is not 16 bytes");
  std::memcpy(message.group.data(), group_bytes->data(), message.group.size());
  // Anything that is no signature names no message: some Cwtch versions are said to put a constant into the first one.
  if (previous_bytes->size() == sizeof(Signature)) {
    std::memcpy(message.previous.emplace().data(), previous_bytes->data(), sizeof(Signature));
  }
  message.padding = std::move(*padding_bytes);
  return message;
}

}  // namespace

std::string plaintext_of(const Message& message) {
  std::string json;
  json.reserve(kTaggedPlaintextBytes);
  json += "{\"Text\":";
  append_go_string(json, message.text);
  json += ",\"Onion\":";
  append_go_string(json, message.author);
  json += ",\"Timestamp\":" + std::to_string(message.timestamp);
  json += ",\"SignedGroupID\":\"" + to_base64(message.group);
  json += "\",\"PreviousMessageSig\":";
  json += message.previous ? '"' + to_base64(*message.previous) + '"' : "null";
  json += ",\"Padding\":\"" + to_base64(message.padding) + "\"}";
  return json;
}

TextLimits text_limits(Form form) {
  if (form == Form::tagged) return {kTextBytesMax - kSpacesMax, kTaggedPlaintextBytes - frame_bytes()};
  // An app pads with as many random bytes as the text leaves of 1,800, so an empty text has the longest padding.
  return {kTextBytesMax,
          kUntaggedCiphertextBytesMax - kNonceBytes - kTagBytes - frame_bytes() - base64_size(kTextBytesMax)};
}

Result<Bytes> compose(const Group& group, const Identity& author, const Draft& draft, Form form, Random& random) {
  if (!valid_utf8(draft.text)) return fail(Errc::malformed, "message: the text is not UTF-8");
  const TextLimits limits = text_limits(form);
  if (draft.text.size() > limits.bytes_max || go_escaped_size(draft.text) > limits.escaped_bytes_max) {
    return fail(Errc::too_large, "message: the text does not fit one message");
  }
  Message message{std::string(draft.text), author.hostname(), draft.timestamp, group.id, draft.previous, {}};
  if (form == Form::untagged) {
    message.padding.resize(kTextBytesMax - draft.text.size());
  } else {
    // Padding grows by four characters for three bytes; spaces behind the overlay, which its readers ignore, make up
    // the rest. The padding is what is left, so that every plaintext has one size.
    const size_t size = plaintext_of(message).size();
    if (size > kTaggedPlaintextBytes) return fail(Errc::too_large, "message: the time is out of bounds");
    const size_t left = kTaggedPlaintextBytes - size;
    message.text.append(left % (kSpacesMax + 1), ' ');
    message.padding.resize(left / 4 * 3);
  }
  random.fill(message.padding);
  ByteArray<kNonceBytes> nonce;
  random.fill(nonce);
  const std::string plaintext = plaintext_of(message);
  CHECK(form == Form::untagged || plaintext.size() == kTaggedPlaintextBytes);
  return seal(group, author, plaintext, nonce, form);
}

Bytes seal(const Group& group, const Identity& author, std::string_view plaintext, ByteView nonce, Form form) {
  CHECK(nonce.size() == kNonceBytes);
  Bytes record(log::kSignatureBytes + log::kEntryBytes + kNonceBytes + kTagBytes + plaintext.size());
  CHECK(record.size() <= log::kRecordBytesMax);
  const Signature signature = author.sign(bytes_of(signed_text(group, bytes_of(plaintext))));
  uint8_t* const ciphertext = record.data() + log::kSignatureBytes + log::kEntryBytes;
  std::memcpy(record.data(), signature.data(), signature.size());
  std::memcpy(ciphertext, nonce.data(), nonce.size());
  CHECK(crypto_secretbox_easy(ciphertext + kNonceBytes, bytes_of(plaintext).data(), plaintext.size(), nonce.data(),
                              group.key.data()) == 0);
  if (form == Form::tagged) {
    const Entry entry = make_entry(entry_key(group.key), group.server, signature, log::ciphertext_of(record));
    std::memcpy(record.data() + log::kSignatureBytes, entry.data(), entry.size());
  }
  return record;
}

Result<Opened> open(const Group& group, ByteView record) {
  if (record.size() < log::kRecordBytesMin || record.size() > log::kRecordBytesMax) {
    return fail(Errc::malformed, "message: the record's size is out of bounds");
  }
  const ByteView ciphertext = log::ciphertext_of(record);
  Bytes plaintext(ciphertext.size() - kNonceBytes - kTagBytes);
  if (crypto_secretbox_open_easy(plaintext.data(), ciphertext.data() + kNonceBytes, ciphertext.size() - kNonceBytes,
                                 ciphertext.data(), group.key.data()) != 0) {
    return fail(Errc::not_found, "message: not sealed with this group's key");
  }
  const ByteView entry = log::entry_of(record);
  if (sodium_is_zero(entry.data(), entry.size()) == 0 &&
      !equal_vartime(log::record_hash(log::signature_of(record), ciphertext), entry.first(log::kRecordHashBytes))) {
    return fail(Errc::malformed, "message: the entry belongs to another record");
  }
  Result<Message> message = parse(plaintext);
  if (!message) return fail(message.error());
  if (message->group != group.id) return fail(Errc::malformed, "message: signed for another group");
  const Result<PublicKey> author = unchecked_key_of_hostname(message->author);
  if (!author) return fail(Errc::malformed, "message: the author is not a hostname");
  Signature signature;
  std::memcpy(signature.data(), record.data(), signature.size());
  // Over the bytes as received: an author that signs anything but its own plaintext is refused.
  if (!verify_signature(*author, bytes_of(signed_text(group, plaintext)), signature)) {
    return fail(Errc::malformed, "message: the signature is not its author's");
  }
  return Opened{std::move(*message), *author};
}

}  // namespace cwtch::client
