// One table of a TOML file, key by key: what takes each value, within which bounds; and a message with file, line and
// the nearest known key for everything else. With experiment.cpp the only user of toml++ here.
//
//   Table(table, "smoke.toml", "measure.").count("threads", threads, 1, 256).read()
//
// Thread: one. What the keys write to must outlive read().
#pragma once

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1  // the packaged library is built with exceptions
#include <toml++/toml.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/or_text.hpp"

namespace cwtch::pirbench {

class Table {
 public:
  // `section`: in front of keys in messages: "measure."
  Table(const toml::table& table, std::string_view source, std::string section)
      : table_(table), source_(source), section_(std::move(section)) {}

  // Whole numbers, or texts with a unit as in "1 GiB".
  Table& count(const char* key, uint64_t& to, uint64_t min, uint64_t max);
  // One, or a list of them.
  Table& counts(const char* key, std::vector<uint64_t>& to, uint64_t min, uint64_t max);
  // At least 0.
  Table& number(const char* key, double& to);
  Table& text(const char* key, std::string& to);
  // One of `choices`.
  Table& choice(const char* key, std::string& to, std::vector<std::string> choices);
  // One, or a list of them.
  Table& choices(const char* key, std::vector<std::string>& to, std::vector<std::string> choices);
  // A key whose value somebody else reads.
  Table& other(const char* key);

  OrText<void> read() const;

 private:
  using Take = std::function<OrText<void>(const toml::node&)>;
  struct Key {
    const char* name;
    Take take;
  };
  Table& add(const char* key, Take take);
  OrText<void> unknown(const std::string& where, const std::string& key) const;

  const toml::table& table_;
  const std::string_view source_;
  const std::string section_;
  std::vector<Key> keys_;
};

}  // namespace cwtch::pirbench
