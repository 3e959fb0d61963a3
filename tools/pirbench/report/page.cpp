#include "tools/pirbench/report/page.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "engine/core/check.hpp"
#include "tools/pirbench/report/assets.hpp"

namespace cwtch::pirbench::report {
namespace {

struct Slot {
  std::string_view mark;  // as in the template
  std::string_view text;
};

// One pass: what is put in is not searched for marks.
std::string fill(std::string_view form, std::span<const Slot> slots) {
  std::string filled;
  while (true) {
    const size_t open = form.find("{{");
    filled += form.substr(0, open);
    if (open == std::string_view::npos) return filled;
    const size_t close = form.find("}}", open);
    CHECK(close != std::string_view::npos);
    const std::string_view mark = form.substr(open + 2, close - open - 2);
    bool known = false;
    for (const Slot& slot : slots) {
      if (slot.mark != mark) continue;
      filled += slot.text;
      known = true;
    }
    CHECK(known);
    form.remove_prefix(close + 2);
  }
}

}  // namespace

std::string json_for_html(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '<' || c == '>' || c == '&') {
      safe += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (text.compare(i, 3, "\xe2\x80\xa8") == 0 || text.compare(i, 3, "\xe2\x80\xa9") == 0) {
      safe += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string policy_source(std::string_view inline_text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(inline_text.data()), inline_text.size());
  std::array<char, sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, sodium_base64_VARIANT_ORIGINAL)> base64;
  sodium_bin2base64(base64.data(), base64.size(), hash.data(), hash.size(), sodium_base64_VARIANT_ORIGINAL);
  return fmt::format("'sha256-{}'", base64.data());
}

std::string page(const nlohmann::ordered_json& data) {
  const std::string json = json_for_html(data);
  const std::string policy = fmt::format("default-src 'none'; img-src data:; script-src {} {}; style-src {} {}",
                                         policy_source(assets::uplot_uplot_iife_min_js), policy_source(assets::script),
                                         policy_source(assets::uplot_uplot_min_css), policy_source(assets::style_css));
  const std::array slots = {
      Slot{"policy", policy},
      Slot{"uplot.css", assets::uplot_uplot_min_css},
      Slot{"style.css", assets::style_css},
      Slot{"uplot.license", assets::uplot_license},
      Slot{"uplot.js", assets::uplot_uplot_iife_min_js},
      Slot{"data", json},
      Slot{"script.js", assets::script},
  };
  return fill(assets::template_html, slots);
}

}  // namespace cwtch::pirbench::report
