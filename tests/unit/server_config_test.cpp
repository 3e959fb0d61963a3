// Every setting can be given on all four ways, says what it is for, and is refused with a helpful text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/server/config.hpp"
#include "pir/grid.hpp"

namespace cwtch::server {
namespace {

using testing::HasSubstr;

const Option& option(std::string_view key) {
  for (const Option& o : options())
    if (o.key() == key) return o;
  ADD_FAILURE() << key;
  return options().front();
}

// A value that differs from the default and is allowed.
std::string other_value(const Option& o) {
  const Config defaults;
  const std::string now = value_text(defaults, o);
  if (std::holds_alternative<bool Config::*>(o.member)) return now == "true" ? "false" : "true";
  if (std::holds_alternative<uint64_t Config::*>(o.member))
    return std::to_string(now == std::to_string(o.max) ? o.min : std::stoull(now) + 1);
  if (!o.choices.empty()) return now == o.choices.front() ? o.choices.back() : o.choices.front();
  return "127.0.0.1:1";
}

TEST(Config, TheTableIsSound) {
  std::set<std::string> names;
  for (const Option& o : options()) {
    SCOPED_TRACE(o.key());
    EXPECT_TRUE(names.insert(o.name).second) << "flags and variables have no section: names are unique without it";
    EXPECT_GT(std::string_view(o.what).size(), 20u);
    EXPECT_GT(std::string_view(o.why).size(), 20u);
    EXPECT_TRUE(std::string_view(o.what).ends_with('.'));
    EXPECT_TRUE(std::string_view(o.why).ends_with('.'));
    Config config;
    EXPECT_TRUE(set(config, o, value_text(Config(), o), "test")) << "the default is allowed";
  }
}

// From text and back, through set(), TOML and the environment.
TEST(Config, EveryOptionOnEveryWay) {
  for (const Option& o : options()) {
    SCOPED_TRACE(o.key());
    const std::string value = other_value(o);
    Config by_text, by_toml, by_environment;
    ASSERT_TRUE(set(by_text, o, value, "test"));
    EXPECT_EQ(value_text(by_text, o), value);
    const bool quoted =
        !std::holds_alternative<bool Config::*>(o.member) && !std::holds_alternative<uint64_t Config::*>(o.member);
    const std::string quote = quoted ? "\"" : "";
    const auto applied =
        apply_toml(by_toml, std::string("[") + o.section + "]\n" + o.name + " = " + quote + value + quote + "\n", "t");
    ASSERT_TRUE(applied) << applied.error();
    EXPECT_EQ(value_text(by_toml, o), value);
    const std::string variable = o.environment() + "=" + value;
    const char* const environment[] = {"PATH=/bin", variable.c_str(), nullptr};
    ASSERT_TRUE(apply_environment(by_environment, environment));
    EXPECT_EQ(value_text(by_environment, o), value);
  }
}

// The file that init writes is read as what it was written from, and shows every option.
TEST(Config, CommentedFileReadsBack) {
  Config config;
  for (const Option& o : options()) ASSERT_TRUE(set(config, o, other_value(o), "test"));
  config.listen = {"127.0.0.1:1", "[::1]:2"};
  const std::string text = commented_toml(config);
  Config again;
  const auto applied = apply_toml(again, text, "written");
  ASSERT_TRUE(applied) << applied.error();
  for (const Option& o : options()) {
    EXPECT_EQ(value_text(again, o), value_text(config, o)) << o.key();
    EXPECT_THAT(commented_toml(Config()), HasSubstr(std::string("# ") + o.name + " = "));
  }
  Config untouched;
  ASSERT_TRUE(apply_toml(untouched, commented_toml(Config()), "defaults"));
  for (const Option& o : options()) EXPECT_EQ(value_text(untouched, o), value_text(Config(), o));
}

TEST(Config, NumbersHaveUnits) {
  Config config;
  const Option& o = option("stream.cache_bytes");
  for (const auto& [text, value] : std::vector<std::pair<const char*, uint64_t>>{
           {"2097152", 2u << 20}, {"2048K", 2u << 20}, {"2M", 2u << 20}, {"2MiB", 2u << 20}, {" 2 MiB ", 2u << 20}}) {
    ASSERT_TRUE(set(config, o, text, "test")) << text;
    EXPECT_EQ(config.cache_bytes, value) << text;
  }
  for (const char* wrong : {"", "x", "-1", "2X", "2MiBs", "99999999999999999999", "20000000T", "1"}) {
    EXPECT_FALSE(set(config, o, wrong, "test")) << wrong;
  }
}

TEST(Config, UnknownNamesNameTheNearest) {
  Config config;
  auto applied = apply_toml(config, "[log]\nseal_record = 5\n", "file");
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error(), testing::AllOf(HasSubstr("file, line 2"), HasSubstr("did you mean log.seal_records?")));
  applied = apply_toml(config, "[lgo]\nseal_records = 5\n", "file");
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error(), HasSubstr("did you mean log.seal_records?"));
  applied = apply_toml(config, "seal_records = 5\n", "file");
  ASSERT_FALSE(applied);
  const char* const environment[] = {"CWTCHD_SHARD=2", nullptr};
  applied = apply_environment(config, environment);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error(), HasSubstr("did you mean CWTCHD_SHARDS?"));
}

TEST(Config, WrongFilesAndValuesAreRefusedWithTheirPlace) {
  Config config;
  for (const char* wrong : {"[log\n", "[log]\nseal_records = \"x\"\n", "[log]\nseal_records = -5\n",
                            "[log]\nseal_records = 1.5\n", "[threads]\nio = \"rings\"\n", "[server]\nlisten = [1]\n",
                            "[server]\nlisten = []\n", "[server]\nallow_plaintext = \"maybe\"\n"}) {
    const auto applied = apply_toml(config, wrong, "the file");
    ASSERT_FALSE(applied) << wrong;
    EXPECT_THAT(applied.error(), HasSubstr("the file")) << wrong;
  }
}

// What would put members or the operator at risk needs to be said explicitly, or cannot be had at all.
TEST(Config, DangerousCombinationsAreRefused) {
  Config config;
  EXPECT_TRUE(check(config));
  for (const char* address : {"0.0.0.0:80", "192.0.2.1:80", "[::]:80"}) {
    config = {};
    config.listen = {"127.0.0.1:80", address};
    EXPECT_FALSE(check(config)) << address;
    config.allow_plaintext = true;
    EXPECT_FALSE(check(config)) << "open admission";
    config.admission = "closed";
    EXPECT_TRUE(check(config));
    config.allow_plaintext = false;
    EXPECT_FALSE(check(config));
  }
  config = {};
  config.shards = 2;
  config.writer_shard = 2;
  EXPECT_FALSE(check(config));
}

// The largest databases that can be configured are those that the schemes' noise allows: the next on the grid are not.
TEST(Config, DatabasesAreAsLargeAsTheirNoiseAllows) {
  const auto named = [](const Option& option) { return option.flag() == "--database-rows-max"; };
  const auto option = std::find_if(options().begin(), options().end(), named);
  ASSERT_NE(option, options().end());
  for (const std::string scheme : {"simplepir", "ring32"}) {
    Config config;
    config.schemes = {scheme};
    config.database_rows_max = option->max;
    EXPECT_TRUE(check(config)) << scheme;
    config.database_rows_max *= pir::Grid().factor;
    const auto checked = check(config);
    ASSERT_FALSE(checked) << scheme;
    EXPECT_THAT(checked.error(), HasSubstr("pir.database_rows_max = 524288: " + scheme));
    config.database_rows_max = 1000;
    EXPECT_THAT(check(config).error(), HasSubstr("must be 8192 or 65536"));
  }
}

TEST(Config, NearestHasTheFewestEdits) {
  const std::vector<std::string> known = {"shards", "seal_records", "io"};
  EXPECT_EQ(nearest("shard", known), "shards");
  EXPECT_EQ(nearest("oi", known), "io");
  EXPECT_EQ(nearest("seal-recods", known), "seal_records");
}

}  // namespace
}  // namespace cwtch::server
