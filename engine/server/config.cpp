#include "engine/server/config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/io/io.hpp"
#include "pir/grid.hpp"
#include "pir/registry.hpp"

namespace cwtch::server {
namespace {

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return parts;
}

std::string join(const std::vector<const char*>& words) {
  std::string text;
  for (const char* word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

struct Setter {
  Config& config;
  const Option& option;
  std::string_view text;

  OrText<void> operator()(bool Config::*member) const {
    const std::string_view value = trim(text);
    if (value != "true" && value != "false" && value != "1" && value != "0") return wrong("must be true or false");
    config.*member = value == "true" || value == "1";
    return {};
  }
  OrText<void> operator()(uint64_t Config::*member) const {
    const OrText<uint64_t> value = parse_size(text);
    if (!value) return wrong(value.error());
    if (*value < option.min) return wrong(fmt::format("must be at least {}", option.min));
    if (*value > option.max) return wrong(fmt::format("must be at most {}", option.max));
    config.*member = *value;
    return {};
  }
  OrText<void> operator()(std::string Config::*member) const {
    const auto is_text = [&](const char* choice) { return text == choice; };
    if (!option.choices.empty() && std::none_of(option.choices.begin(), option.choices.end(), is_text)) {
      return wrong(fmt::format("must be one of {}", join(option.choices)));
    }
    config.*member = text;
    return {};
  }
  OrText<void> operator()(std::vector<std::string> Config::*member) const {
    std::vector<std::string> parts = split_list(text);
    if (parts.empty() && !(Config().*member).empty()) return wrong("must not be empty");
    config.*member = std::move(parts);
    return {};
  }
};

struct Printer {
  const Config& config;

  std::string operator()(bool Config::*member) const { return config.*member ? "true" : "false"; }
  std::string operator()(uint64_t Config::*member) const { return std::to_string(config.*member); }
  std::string operator()(std::string Config::*member) const { return config.*member; }
  std::string operator()(std::vector<std::string> Config::*member) const {
    std::string text;
    for (const std::string& part : config.*member) text += (text.empty() ? "" : ",") + part;
    return text;
  }
};

}  // namespace

OrText<void> set(Config& config, const Option& option, std::string_view text, std::string_view source) {
  const OrText<void> done = std::visit(Setter{config, option, text}, option.member);
  if (!done) return wrong(fmt::format("{}: {} = \"{}\" {}", source, option.key(), text, done.error()));
  return {};
}

std::string value_text(const Config& config, const Option& option) {
  return std::visit(Printer{config}, option.member);
}

OrText<void> apply_environment(Config& config, const char* const* environment) {
  constexpr std::string_view kPrefix = "CWTCHD_";
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const size_t equals = entry.find('=');
    if (!entry.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string name(entry.substr(0, equals));
    const auto known = [&](const Option& option) { return option.environment() == name; };
    const auto option = std::find_if(options().begin(), options().end(), known);
    if (option == options().end()) {
      std::vector<std::string> names;
      for (const Option& o : options()) names.push_back(o.environment());
      return wrong(fmt::format("environment: {} is not known; did you mean {}?", name, nearest(name, names)));
    }
    if (auto done = set(config, *option, entry.substr(equals + 1), "environment"); !done) return done;
  }
  return {};
}

namespace {

OrText<void> check_schemes(const Config& config) {
  std::vector<std::string> known;
  for (const pir::Scheme* scheme : pir::schemes()) known.emplace_back(scheme->info().name);
  for (const std::string& name : config.schemes) {
    const pir::Scheme* const scheme = pir::find_scheme(name);
    if (scheme == nullptr) {
      return wrong(
          fmt::format("pir.schemes: there is no scheme \"{}\"; did you mean \"{}\"?", name, nearest(name, known)));
    }
    if (name == "full" || name == "segments" || name == "cursor") {
      return wrong(fmt::format("pir.schemes: {} is part of the native API and needs no database{}", name,
                               name == "cursor" ? "; server.leaky_modes allows it" : ""));
    }
    if (scheme->info().relaxed() && !config.allow_relaxed_trust) {
      return wrong(fmt::format("pir.schemes: with {} {}. If its users may rely on you, pass --allow-relaxed-trust",
                               name, scheme->info().leakage.note));
    }
    if (const Status fits = scheme->fits({.rows = config.database_rows_max}); !fits) {
      return wrong(fmt::format("pir.database_rows_max = {}: {}. Choose a smaller one, or another scheme",
                               config.database_rows_max, fits.error().context));
    }
  }
  for (uint64_t rows = pir::Grid().unit; rows <= config.database_rows_max; rows *= pir::Grid().factor) {
    if (rows == config.database_rows_max) return {};
  }
  return wrong("pir.database_rows_max must be 8192 or 65536");
}

}  // namespace

OrText<void> check(const Config& config) {
  if (config.writer_shard >= config.shards) {
    return wrong(fmt::format("threads.writer_shard = {} does not exist: there are {} shards, numbered from 0",
                             config.writer_shard, config.shards));
  }
  if (config.chunk_bytes % 4096 != 0) return wrong("log.chunk_bytes must be a multiple of 4096");
  if (config.journal_file_bytes % 4096 != 0) return wrong("log.journal_file_bytes must be a multiple of 4096");
  if (config.group_bytes_max > config.journal_file_bytes) {
    return wrong("log.group_bytes_max must not exceed log.journal_file_bytes: a group lies in one file");
  }
  if (const auto checked = check_schemes(config); !checked) return checked;
  for (const std::string& address : config.listen) {
    if (io::Address{address}.loopback()) continue;
    if (config.admission == "open") {
      return wrong(
          fmt::format("server.admission = \"open\" would let anybody post through {}: listen on loopback only, "
                      "or set admission = \"closed\"",
                      address));
    }
    if (!config.allow_plaintext) {
      return wrong(
          fmt::format("{} is not on loopback and the native API is not encrypted: put an onion service in "
                      "front of a loopback listener, or pass --allow-plaintext",
                      address));
    }
  }
  return {};
}

std::string commented_toml(const Config& config) {
  std::string text =
      "# Settings of this server. Flags and CWTCHD_* environment variables come before this file.\n"
      "# Disabled lines show the defaults. Numbers may be texts with a unit: \"64MiB\".\n";
  const Config defaults;
  std::string_view section;
  for (const Option& option : options()) {
    if (section != option.section) text += fmt::format("\n[{}]\n", section = option.section);
    const std::string value = value_text(config, option);
    const bool changed = value != value_text(defaults, option);
    text += fmt::format("\n# {}\n# {}\n", option.what, option.why);
    if (option.unit[0] != '\0') text += fmt::format("# Unit: {}.\n", option.unit);
    if (!option.choices.empty()) text += fmt::format("# One of: {}.\n", join(option.choices));
    if (option.fixed_by_init) text += "# Fixed when the directory was made.\n";
    std::string written = value;
    if (std::holds_alternative<std::string Config::*>(option.member)) written = '"' + value + '"';
    if (std::holds_alternative<std::vector<std::string> Config::*>(option.member)) {
      written.clear();
      for (const std::string& part : split_list(value)) written += (written.empty() ? "\"" : ", \"") + part + '"';
      written = '[' + written + ']';
    }
    text += fmt::format("{}{} = {}\n", changed ? "" : "# ", option.name, written);
  }
  return text;
}

}  // namespace cwtch::server
