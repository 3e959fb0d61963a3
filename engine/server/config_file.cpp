// The only user of toml++ in the server.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1  // the packaged library is built with exceptions
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "engine/server/config.hpp"

namespace cwtch::server {
namespace {

// A value as the text that set() takes.
OrText<std::string> text_of_node(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return std::string(flag->get() ? "true" : "false");
  if (const auto* number = node.as_integer()) {
    if (number->get() < 0) return wrong("must not be negative");
    return std::to_string(number->get());
  }
  if (const auto* array = node.as_array()) {
    std::string joined;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (text == nullptr) return wrong("must be a list of texts");
      joined += (joined.empty() ? "" : ",") + text->get();
    }
    return joined;
  }
  return wrong("must be a text, a whole number, true, false or a list of texts");
}

std::string unknown(std::string_view source, const toml::node& node, const std::string& key) {
  std::vector<std::string> keys;
  for (const Option& option : options()) keys.push_back(option.key());
  return fmt::format("{}, line {}: {} is not known; did you mean {}?", source, node.source().begin.line, key,
                     nearest(key, keys));
}

}  // namespace

OrText<void> apply_toml(Config& config, std::string_view text, std::string_view source) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return wrong(fmt::format("{}, line {}: {}", source, parsed.error().source().begin.line,
                             std::string_view(parsed.error().description())));
  }
  for (const auto& [section, node] : parsed.table()) {
    const auto* table = node.as_table();
    if (table == nullptr) return wrong(unknown(source, node, std::string(section.str())));
    const auto in_section = [&name = section](const Option& o) { return name.str() == o.section; };
    if (table->empty() && std::none_of(options().begin(), options().end(), in_section)) {
      return wrong(unknown(source, node, std::string(section.str())));
    }
    for (const auto& [name, value] : *table) {
      const std::string key = fmt::format("{}.{}", section.str(), name.str());
      const auto known = [&](const Option& option) { return option.key() == key; };
      const auto option = std::find_if(options().begin(), options().end(), known);
      if (option == options().end()) return wrong(unknown(source, value, key));
      const OrText<std::string> as_text = text_of_node(value);
      if (!as_text) return wrong(fmt::format("{}: {} {}", source, key, as_text.error()));
      if (auto done = set(config, *option, *as_text, source); !done) return done;
    }
  }
  return {};
}

}  // namespace cwtch::server
