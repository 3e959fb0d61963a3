// A report is one file that asks for nothing, and text from results stays text in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/support/result_lines.hpp"
#include "tools/pirbench/report.hpp"
#include "tools/pirbench/report/assets.hpp"
#include "tools/pirbench/report/page.hpp"

namespace cwtch::pirbench {
namespace {

using test::Json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string file_text(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::array<char, 2 * crypto_hash_sha256_BYTES + 1> hex;
  return sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
}

std::string report_of(const std::vector<Json>& lines) {
  const ResultFile file{"results.jsonl", test::text_of(lines)};
  const auto report = make_report(std::span(&file, 1));
  EXPECT_TRUE(report) << report.error();
  return report.value_or("");
}

// As a browser reads it: up to the first end of a script element.
Json data_of(const std::string& html) {
  const std::string_view open = "<script type=\"application/json\" id=\"data\">";
  const size_t start = html.find(open) + open.size();
  return Json::parse(html.substr(start, html.find("</script", start) - start), nullptr, false);
}

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

const char* const kHostile[] = {
    "</script><script>document.title='owned'</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"};alert(1);//",
    "' onmouseover='alert(1)",
    "{{data}} {{script.js}} {{policy}}",
    "]]><svg onload=alert(1)>",
    "line\u2028end\u2029s and \\u003c/script\\u003e",
};

TEST(PirbenchPage, NothingInDataEndsItsElement) {
  for (const char* text : kHostile) {
    const std::string json = report::json_for_html(Json{{text, text}});
    EXPECT_EQ(json.find_first_of("<>&"), std::string::npos) << json;
    EXPECT_EQ(json.find("\xe2\x80\xa8"), std::string::npos);
    EXPECT_EQ(json.find("\xe2\x80\xa9"), std::string::npos);
    EXPECT_EQ(Json::parse(json), (Json{{text, text}})) << "and it is the same text";
  }
  EXPECT_EQ(report::json_for_html("caf\xc3\xa9 \xff"), "\"caf\xc3\xa9 \xef\xbf\xbd\"")
      << "what is not UTF-8 is replaced";
}

// Every text of a line hostile, in every way: the page has the elements it always has, and the data says what was said.
TEST(PirbenchPage, HostileTextsStayText) {
  const std::string plain = report_of({test::result_line({})});
  for (const char* text : kHostile) {
    SCOPED_TRACE(text);
    Json line = test::result_line({});
    for (const char* pointer :
         {"/id", "/experiment", "/machine/cpu", "/machine/kernel_target", "/machine/commit", "/machine/label",
          "/workload/kind", "/workload/source", "/scheme/name", "/scheme/parameters", "/scheme/trust",
          "/scheme/leakage_note", "/scheme/security_model", "/geometry/partition", "/reason"}) {
      line[Json::json_pointer(pointer)] = text;
    }
    const std::string html = report_of({line});
    EXPECT_EQ(count(html, "<"), count(plain, "<"));
    EXPECT_EQ(count(html, "<script"), count(plain, "<script"));
    EXPECT_EQ(count(html, "{{"), count(plain, "{{") + count(report::json_for_html(data_of(html)), "{{"));
    const Json data = data_of(html);
    ASSERT_FALSE(data.is_discarded());
    EXPECT_EQ(data["cells"][0]["scheme"]["name"], text);
    EXPECT_EQ(data["cells"][0]["scheme"]["leakage_note"], text);
    EXPECT_EQ(data["cells"][0]["reason"], text);
    EXPECT_THAT(data["notes"][0].get<std::string>(), HasSubstr("this build has no such scheme"));
  }
}

TEST(PirbenchPage, NothingIsFetched) {
  const std::string html = report_of(test::experiment_lines());
  const std::string_view own = html;
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  for (const char* asks :
       {"<link rel=\"stylesheet", "<script src", "@import", "url(", "<iframe", "fetch(", "XMLHttpRequest"}) {
    EXPECT_EQ(own.find(asks), std::string_view::npos) << asks;
  }
  // Addresses of any kind: none outside uPlot's own comment and license.
  std::string rest = html;
  for (const std::string_view part : {report::assets::uplot_uplot_iife_min_js, report::assets::uplot_license}) {
    rest.erase(rest.find(part), part.size());
  }
  EXPECT_THAT(rest, Not(HasSubstr("://")));
}

// The policy names every inline script and style by its hash; were one changed on the way, a browser would not run it.
TEST(PirbenchPage, PolicyAllowsWhatIsInlineAndNoMore) {
  const std::string html = report_of({test::result_line({})});
  EXPECT_EQ(report::policy_source(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
  size_t elements = 0;
  for (const std::string tag : {"script", "style"}) {
    for (size_t open = html.find("<" + tag + ">"); open != std::string::npos;
         open = html.find("<" + tag + ">", open + 1)) {
      const size_t start = open + tag.size() + 2;
      const std::string text = html.substr(start, html.find("</" + tag + ">", start) - start);
      EXPECT_THAT(html, HasSubstr(report::policy_source(text)));
      ++elements;
    }
  }
  EXPECT_EQ(elements, 4u);
  EXPECT_EQ(html.find("unsafe"), std::string::npos);
  EXPECT_FALSE(std::regex_search(html.substr(0, html.find("<script")), std::regex("<[^>]* (on[a-z]+|style)=")));
}

TEST(PirbenchPage, EveryLineIsInIt) {
  const auto lines = test::experiment_lines();
  const Json data = data_of(report_of(lines));
  ASSERT_EQ(data["cells"].size(), lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(data["cells"][i]["id"], lines[i]["id"]);
    EXPECT_EQ(data["cells"][i].contains("figures"), lines[i]["status"] == "measured");
  }
  EXPECT_EQ(data["day"]["curves"].size(), pir::schemes().size());
}

// README.md's hashes are those of the files and of what the program carries.
TEST(PirbenchPage, VendoredFilesAreUnchanged) {
  const std::string folder = "tools/pirbench/report/uplot/", readme = file_text((folder + "README.md").c_str());
  for (const auto& [name, embedded] : {std::pair("uPlot.iife.min.js", report::assets::uplot_uplot_iife_min_js),
                                       std::pair("uPlot.min.css", report::assets::uplot_uplot_min_css)}) {
    const std::string text = file_text((folder + name).c_str());
    EXPECT_EQ(text, embedded);
    EXPECT_THAT(readme, HasSubstr(std::string("`") + name + "` | `" + sha256(text) + "`"));
  }
  EXPECT_THAT(std::string(report::assets::uplot_license), HasSubstr("The MIT License"));
}

}  // namespace
}  // namespace cwtch::pirbench
