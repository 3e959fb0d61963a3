// JSON text byte for byte as two foreign encoders write it: group messages are signed as text, so their exact form
// counts; and what is read back comes from anybody, so reading is bounded and never allocates more than the input.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/core/bytes.hpp"

namespace cwtch::client {

// Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

// Appends `text` (valid UTF-8) as a string of Go's encoding/json, quotes included: also <, >, & and U+2028/9 escaped.
void append_go_string(std::string& to, std::string_view text);
// The size of what append_go_string() appends, less the quotes.
size_t go_escaped_size(std::string_view text);

// Appends `text` (valid UTF-8) as a string of Dart's jsonEncode, which Cwtch's user interface uses for overlays.
void append_overlay_string(std::string& to, std::string_view text);

std::string to_base64(ByteView bytes);             // RFC 4648 §4, with padding
Result<Bytes> from_base64(std::string_view text);  // the same; malformed otherwise

// One field of an object to be read. After read_object(), `kind` says what stood there.
struct JsonField {
  enum class Kind : uint8_t { absent, null, text, number, other };  // number: an integer from 0 to 2^64 - 1
  std::string_view name;
  Kind kind = Kind::absent;
  std::string text;
  uint64_t number = 0;
};

// Reads one JSON object as Go's decoder does: names match without regard to case, unknown ones are skipped, the last
// of several wins, trailing bytes are an error. Values nested deeper are skipped ("other"). False for anything that is
// not such an object.
bool read_object(std::string_view json, std::initializer_list<JsonField*> fields);

}  // namespace cwtch::client
