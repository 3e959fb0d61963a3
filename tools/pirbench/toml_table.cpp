#include "tools/pirbench/toml_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/core/spelling.hpp"

namespace cwtch::pirbench {
namespace {

OrText<uint64_t> count_of(const toml::node& node, uint64_t min, uint64_t max) {
  uint64_t value = 0;
  if (const auto* text = node.as_string()) {
    const auto size = parse_size(text->get());
    if (!size) return wrong(size.error());
    value = *size;
  } else if (const auto* number = node.as_integer()) {
    if (number->get() < 0) return wrong("must not be negative");
    value = static_cast<uint64_t>(number->get());
  } else {
    return wrong("must be a whole number, or a text with a unit as in \"1 GiB\"");
  }
  if (value < min || value > max) return wrong(fmt::format("must be from {} to {}", min, max));
  return value;
}

OrText<std::string> choice_of(const toml::node& node, const std::vector<std::string>& choices) {
  const auto* text = node.as_string();
  if (text == nullptr) return wrong("must be a text");
  if (std::find(choices.begin(), choices.end(), text->get()) == choices.end()) {
    return wrong(
        fmt::format("is \"{}\", which is not known; did you mean \"{}\"?", text->get(), nearest(text->get(), choices)));
  }
  return text->get();
}

// `node`, or each that it lists.
template <class T, class ValueOf>
OrText<void> list_of(const toml::node& node, std::vector<T>& to, const ValueOf& value_of) {
  std::vector<T> values;
  const toml::array* const array = node.as_array();
  for (size_t i = 0; i < (array == nullptr ? 1 : array->size()); ++i) {
    auto value = value_of(array == nullptr ? node : *array->get(i));
    if (!value) return wrong(value.error());
    values.push_back(std::move(*value));
  }
  if (values.empty()) return wrong("must not be empty");
  to = std::move(values);
  return {};
}

}  // namespace

Table& Table::count(const char* key, uint64_t& to, uint64_t min, uint64_t max) {
  return add(key, [&to, min, max](const toml::node& node) -> OrText<void> {
    const auto value = count_of(node, min, max);
    if (!value) return wrong(value.error());
    to = *value;
    return {};
  });
}

Table& Table::counts(const char* key, std::vector<uint64_t>& to, uint64_t min, uint64_t max) {
  return add(key, [&to, min, max](const toml::node& node) {
    return list_of(node, to, [&](const toml::node& one) { return count_of(one, min, max); });
  });
}

Table& Table::number(const char* key, double& to) {
  return add(key, [&to](const toml::node& node) -> OrText<void> {
    const std::optional<double> value = node.value<double>();
    if (!value || !(*value >= 0)) return wrong("must be a number, at least 0");
    to = *value;
    return {};
  });
}

Table& Table::text(const char* key, std::string& to) {
  return add(key, [&to](const toml::node& node) -> OrText<void> {
    const auto* text = node.as_string();
    if (text == nullptr) return wrong("must be a text");
    to = text->get();
    return {};
  });
}

Table& Table::choice(const char* key, std::string& to, std::vector<std::string> choices) {
  return add(key, [&to, choices = std::move(choices)](const toml::node& node) -> OrText<void> {
    auto value = choice_of(node, choices);
    if (!value) return wrong(value.error());
    to = std::move(*value);
    return {};
  });
}

Table& Table::choices(const char* key, std::vector<std::string>& to, std::vector<std::string> choices) {
  return add(key, [&to, choices = std::move(choices)](const toml::node& node) {
    return list_of(node, to, [&](const toml::node& one) { return choice_of(one, choices); });
  });
}

Table& Table::other(const char* key) {
  return add(key, [](const toml::node&) -> OrText<void> { return {}; });
}

Table& Table::add(const char* key, Take take) {
  keys_.push_back({key, std::move(take)});
  return *this;
}

OrText<void> Table::unknown(const std::string& where, const std::string& key) const {
  std::vector<std::string> names;
  for (const Key& known : keys_) names.push_back(section_ + known.name);
  return wrong(fmt::format("{} is not known; did you mean {}?", where, nearest(section_ + key, names)));
}

OrText<void> Table::read() const {
  for (const auto& [name, node] : table_) {
    const std::string key(name.str());
    const std::string where = fmt::format("{}, line {}: {}{}", source_, node.source().begin.line, section_, key);
    const auto known = std::find_if(keys_.begin(), keys_.end(), [&](const Key& each) { return each.name == key; });
    if (known == keys_.end()) return unknown(where, key);
    if (const auto taken = known->take(node); !taken) return wrong(fmt::format("{} {}", where, taken.error()));
  }
  return {};
}

}  // namespace cwtch::pirbench
