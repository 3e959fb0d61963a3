#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "pir/lattice/parameters.hpp"
#include "tools/pirbench/params.hpp"
#include "tools/pirbench/ways.hpp"

namespace cwtch::pirbench {
namespace {

TEST(PirbenchParams, TheDocumentHasTheTableThatTheProgramPrints) {
  std::ifstream file("docs/pir/parameters.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(params_markdown()), std::string::npos)
      << "put what `pirbench params` prints into docs/pir/parameters.md";
}

TEST(PirbenchWays, TheDocumentHasTheTablesThatTheProgramPrints) {
  std::ifstream file("docs/pir/choosing.md");
  std::ostringstream text;
  text << file.rdbuf();
  for (const std::string& table : {fetches_markdown(), days_markdown()}) {
    EXPECT_NE(text.str().find(table), std::string::npos) << "put what `pirbench ways` prints into docs/pir/choosing.md";
  }
}

TEST(PirbenchParams, EverySetKeepsItsMarginForRandomRows) {
  const auto json = params_json();
  EXPECT_EQ(json["sets"].size(), 2);
  for (const auto& set : json["sets"]) EXPECT_GE(set["margin"].get<double>(), pir::kMarginMin) << set["name"];
}

}  // namespace
}  // namespace cwtch::pirbench
