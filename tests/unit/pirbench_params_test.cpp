#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "pir/lattice/parameters.hpp"
#include "tools/pirbench/params.hpp"

namespace cwtch::pirbench {
namespace {

TEST(PirbenchParams, TheDocumentHasTheTableThatTheProgramPrints) {
  std::ifstream file("docs/pir/parameters.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(params_markdown()), std::string::npos)
      << "put what `pirbench params` prints into docs/pir/parameters.md";
}

TEST(PirbenchParams, EverySetKeepsItsMarginForRandomRows) {
  const auto json = params_json();
  EXPECT_EQ(json["sets"].size(), 2);
  for (const auto& set : json["sets"]) EXPECT_GE(set["margin"].get<double>(), pir::kMarginMin) << set["name"];
}

}  // namespace
}  // namespace cwtch::pirbench
