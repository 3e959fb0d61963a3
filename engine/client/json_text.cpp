#include "engine/client/json_text.hpp"

#include <sodium.h>

#include <nlohmann/json.hpp>

#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
bool line_separator_at(std::string_view text, size_t i) {
  return i + 2 < text.size() && text.substr(i, 2) == "\xE2\x80" && (text[i + 2] == '\xA8' || text[i + 2] == '\xA9');
}

// Calls emit(piece) for each piece of the escaped form; a template so that the size is counted without a string.
template <class Emit>
void escape_go(std::string_view text, Emit emit) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    switch (c) {
      case '"':
        emit("\\\"");
        continue;
      case '\\':
        emit("\\\\");
        continue;
      case '\n':
        emit("\\n");
        continue;
      case '\r':
        emit("\\r");
        continue;
      case '\t':
        emit("\\t");
        continue;
      default:
        break;
    }
    if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      const char escaped[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      emit(std::string_view(escaped, sizeof escaped));
    } else if (c == 0xE2 && line_separator_at(text, i)) {
      emit(text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029");
      i += 2;
    } else {
      emit(text.substr(i, 1));
    }
  }
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// Fills the fields while nlohmann's parser walks the text; no document is ever built. The parser is iterative, so deep
// nesting costs no stack, and each callback that returns false ends the walk.
class ObjectReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit ObjectReader(std::initializer_list<JsonField*> fields) : fields_(fields) {}

  bool null() override { return set(JsonField::Kind::null); }
  bool boolean(bool) override { return set(JsonField::Kind::other); }
  bool number_integer(number_integer_t) override { return set(JsonField::Kind::other); }  // negative
  bool number_unsigned(number_unsigned_t value) override {
    if (JsonField* const field = set_and_get(JsonField::Kind::number)) field->number = value;
    return depth_ > 0;
  }
  bool number_float(number_float_t, const string_t&) override { return set(JsonField::Kind::other); }
  bool string(string_t& value) override {
    if (JsonField* const field = set_and_get(JsonField::Kind::text)) field->text = std::move(value);
    return depth_ > 0;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return descend(); }
  bool start_array(size_t) override { return depth_ > 0 && descend(); }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ != 1) return true;
    current_ = nullptr;
    for (JsonField* const field : fields_) {
      if (equal_without_case(field->name, name)) current_ = field;
    }
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  JsonField* set_and_get(JsonField::Kind kind) {
    if (depth_ != 1 || current_ == nullptr) return nullptr;
    JsonField& field = *std::exchange(current_, nullptr);
    field.kind = kind;
    field.text.clear();
    return &field;
  }
  bool set(JsonField::Kind kind) {
    set_and_get(kind);
    return depth_ > 0;  // a bare value is not an object
  }
  bool descend() {
    set_and_get(JsonField::Kind::other);
    ++depth_;
    return true;
  }

  std::initializer_list<JsonField*> fields_;
  JsonField* current_ = nullptr;
  size_t depth_ = 0;
};

}  // namespace

bool valid_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const unsigned char* const end = p + text.size();
  while (p != end) {
    const unsigned char lead = *p++;
    if (lead < 0x80) continue;
    // Smallest and largest second byte exclude overlong forms, surrogates and what lies beyond U+10FFFF.
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t more = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
      more = 1;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      more = 2;
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      more = 3;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    } else {
      return false;
    }
    if (static_cast<size_t>(end - p) < more || *p < low || *p > high) return false;
    for (size_t i = 1; i < more; ++i) {
      if (p[i] < 0x80 || p[i] > 0xBF) return false;
    }
    p += more;
  }
  return true;
}

void append_go_string(std::string& to, std::string_view text) {
  to += '"';
  escape_go(text, [&](std::string_view piece) { to += piece; });
  to += '"';
}

size_t go_escaped_size(std::string_view text) {
  size_t size = 0;
  escape_go(text, [&](std::string_view piece) { size += piece.size(); });
  return size;
}

void append_overlay_string(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        to += "\\\"";
        continue;
      case '\\':
        to += "\\\\";
        continue;
      case '\b':
        to += "\\b";
        continue;
      case '\t':
        to += "\\t";
        continue;
      case '\n':
        to += "\\n";
        continue;
      case '\f':
        to += "\\f";
        continue;
      case '\r':
        to += "\\r";
        continue;
      default:
        break;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      to += "\\u00";
      to += kHex[c >> 4];
      to += kHex[c & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}

std::string to_base64(ByteView bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero
  return text;
}

Result<Bytes> from_base64(std::string_view text) {
  Bytes bytes(text.size() / 4 * 3 + 3);
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size()) {
    return fail(Errc::malformed, "base64: not standard base64 with padding");
  }
  bytes.resize(size);
  return bytes;
}

bool read_object(std::string_view json, std::initializer_list<JsonField*> fields) {
  for (JsonField* const field : fields) {
    field->kind = JsonField::Kind::absent;
    field->text.clear();
  }
  ObjectReader reader(fields);
  return nlohmann::json::sax_parse(json, &reader);
}

}  // namespace cwtch::client
