#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/pirbench/measure.hpp"
#include "tools/pirbench/result_line.hpp"
#include "tools/pirbench/results.hpp"
#include "tools/pirbench/run.hpp"

namespace cwtch::pirbench {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

constexpr const char* kEveryScheme = R"(
[[workload]]
kind = "grid"
total_bytes = 4096
row_bytes = 64
[[scheme]]
name = "full"
[[scheme]]
name = "segments"
[[scheme]]
name = "cursor"
[[scheme]]
name = "direct"
parts = 4
partition = "interleaved"
[[scheme]]
name = "simplepir"
[[scheme]]
name = "ring32"
parts = 2
[measure]
batches = [1, 3]
repetitions = 2
)";
// Without lattices: for tests of what is kept and what is made again.
constexpr const char* kQuick = R"(
[[workload]]
kind = "grid"
total_bytes = 4096
row_bytes = 64
[[scheme]]
name = "full"
[[scheme]]
name = "direct"
parts = [1, 2]
[measure]
batches = [1, 2]
repetitions = 1
)";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

class PirbenchRun : public testing::Test {
 protected:
  PirbenchRun() {
    std::string name = testing::TempDir() + "pirbench-XXXXXX";
    directory_ = mkdtemp(name.data());
    // Any prices will do here.
    const MachineInfo machine = machine_info("");
    EXPECT_TRUE(save({.machine = {.read_byte = 1e-9, .mac = 1e-9, .transform = 1e-6},
                      .cpu = machine.cpu,
                      .kernel_target = machine.kernel_target,
                      .commit = machine.commit},
                     directory_ + "/machine.json"));
  }
  ~PirbenchRun() override { std::filesystem::remove_all(directory_); }

  OrText<RunSummary> try_run(const std::string& toml, RunOptions options = {}) const {
    const auto experiment = parse_experiment(toml, "mine");
    if (!experiment) return wrong(experiment.error());
    options.directory = directory_;
    options.progress = tools::Progress::Style::quiet;
    return run_experiment(*experiment, options);
  }
  RunSummary run(const std::string& toml, const RunOptions& options = {}) const {
    const auto summary = try_run(toml, options);
    EXPECT_TRUE(summary) << summary.error();
    return summary.value_or(RunSummary{});
  }
  std::string path() const { return directory_ + "/results.jsonl"; }
  std::vector<Json> lines() const {
    std::istringstream text(read(path()));
    std::vector<Json> all;
    for (std::string line; std::getline(text, line);) {
      all.push_back(Json::parse(line, nullptr, false));
      EXPECT_TRUE(all.back().is_object()) << line;
    }
    return all;
  }

  std::string directory_;
};

TEST_F(PirbenchRun, EverySchemeIsMeasuredAndNoRowIsWrong) {
  const RunSummary summary = run(kEveryScheme);
  EXPECT_EQ(summary.measured, 12);
  EXPECT_EQ(summary.skipped + summary.failed + summary.there, 0);
  const auto all = lines();
  ASSERT_EQ(all.size(), 12);
  for (const Json& line : all) {
    SCOPED_TRACE(line["id"]);
    EXPECT_EQ(line["schema"], "pirbench-1");
    EXPECT_EQ(line["status"], "measured");
    EXPECT_EQ(line["wrong_rows"], 0);
    EXPECT_EQ(line["queries"], 2 * line["batch"].get<uint64_t>());
    EXPECT_EQ(line["seconds"]["answer"]["samples"].size(), 2);
    EXPECT_EQ(line["seconds"]["client_query"]["samples"].size(), line["queries"].get<size_t>());
    EXPECT_GT(line["peak_memory_bytes"], 0);
    for (const char* const size : {"request", "answer", "statics"}) {
      const Json& bytes = line["bytes"][size];
      if (line["scheme"]["name"] == "cursor" && size == std::string("answer")) {
        EXPECT_LE(bytes["measured"].get<double>(), bytes["predicted"].get<double>());  // its size tells the place
      } else {
        EXPECT_EQ(bytes["measured"], bytes["predicted"]) << size;
      }
    }
  }
  const std::string csv = read(directory_ + "/results.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 13);
}

TEST_F(PirbenchRun, RowsOfALogAreRecordsOfItsTrace) {
  const Database database{.kind = Workload::Kind::log, .rows = 20, .row_bytes = 3072, .trace = "", .seed = 3};
  const auto rows = make_rows(database), again = make_rows(database);
  ASSERT_TRUE(rows) << rows.error();
  for (uint64_t row = 0; row < database.rows; ++row) {
    EXPECT_EQ((*rows)[row][0] | (*rows)[row][1] << 8, 2800);  // tagged records, behind their length
    EXPECT_TRUE(equal_vartime((*rows)[row], (*again)[row]));
  }
}

TEST_F(PirbenchRun, ATraceThatIsTooShortIsSaid) {
  const std::string trace = directory_ + "/trace.tsv";
  write(trace, "seconds\tgroup\tsender\ttext\n0\t0\tann\thello\n5\t0\tbob\thello yourself\n");
  const std::string experiment = "[[workload]]\nkind = \"log\"\nrows = [2, 3]\ntrace = \"" + trace +
                                 "\"\n[[scheme]]\nname = \"direct\"\n[measure]\nbatches = 1\n";
  const RunSummary summary = run(experiment);
  EXPECT_EQ(summary.measured, 1);
  EXPECT_EQ(summary.skipped, 1);
  EXPECT_EQ(lines()[0]["workload"]["source"], "trace.tsv");  // where it lies is nobody's business
  EXPECT_EQ(lines()[1]["reason"], "the trace has only 2 rows");
}

TEST_F(PirbenchRun, WhatIsThereIsNotMeasuredAgain) {
  run(kQuick);
  const std::string before = read(path());
  const RunSummary again = run(kQuick);
  EXPECT_EQ(again.measured, 0);
  EXPECT_EQ(again.there, 6);
  EXPECT_EQ(read(path()), before);
}

TEST_F(PirbenchRun, ATornLastLineIsMeasuredAgain) {
  run(kQuick);
  const std::string whole = read(path());
  const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (const std::string& torn : {whole.substr(0, last + 40), whole.substr(0, whole.size() - 1),
                                  whole.substr(0, last) + std::string(100, '\0') + "\n"}) {
    write(path(), torn);
    const RunSummary again = run(kQuick);
    EXPECT_EQ(again.measured, 1);
    EXPECT_EQ(again.there, 5);
    EXPECT_EQ(lines().size(), 6);
    EXPECT_EQ(read(path()).substr(0, last), whole.substr(0, last));
  }
}

TEST_F(PirbenchRun, ADamagedLineInTheMiddleIsAnError) {
  run(kQuick);
  write(path(), "{}\n" + read(path()));
  const auto refused = try_run(kQuick);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("line 1: no result of this version"));
}

TEST_F(PirbenchRun, AnInterruptedRunGoesOn) {
  int asked = 0;
  const RunSummary first = run(kQuick, {.directory = "", .stop = [&] { return ++asked > 3; }});
  EXPECT_TRUE(first.stopped);
  EXPECT_GT(first.measured, 0);
  EXPECT_LT(first.measured, 6);
  EXPECT_EQ(lines().size(), first.measured);
  EXPECT_THAT(read(directory_ + "/results.csv"), HasSubstr(lines().back()["id"].get<std::string>()));
  const RunSummary rest = run(kQuick);
  EXPECT_EQ(rest.measured + first.measured, 6);
  EXPECT_EQ(lines().size(), 6);
}

TEST_F(PirbenchRun, WhatDoesNotFitIsSkippedWithItsReason) {
  const std::string poor = std::string(kQuick) + "memory_max = \"1 MiB\"\n";
  EXPECT_EQ(run(poor).skipped, 6);
  for (const Json& line : lines()) {
    EXPECT_EQ(line["status"], "skipped");
    EXPECT_THAT(line["reason"].get<std::string>(), HasSubstr("1 are allowed (measure.memory_max)"));
    EXPECT_EQ(line["bytes"]["answer"]["measured"], 0);
    EXPECT_GT(line["bytes"]["answer"]["predicted"], 0);
  }
  EXPECT_EQ(run(kQuick).there, 6);
  EXPECT_EQ(run(kQuick, {.directory = "", .retry = true}).measured, 6);
  EXPECT_EQ(lines().size(), 6);

  const RunSummary parts =
      run("[[workload]]\nkind = \"grid\"\ntotal_bytes = 64\nrow_bytes = 32\n[[scheme]]\nname = "
          "\"simplepir\"\nparts = 2\n[[scheme]]\nname = \"direct\"\nparts = 3\n[measure]\n"
          "batches = 1\n");
  EXPECT_EQ(parts.skipped, 2);
  EXPECT_THAT(lines()[6]["reason"].get<std::string>(), HasSubstr("one part"));
  EXPECT_THAT(lines()[7]["reason"].get<std::string>(), HasSubstr("number of parts"));
}

// The check that every other figure rests on: rows that are not the truth are seen.
TEST_F(PirbenchRun, WrongRowsAreCounted) {
  Database database{.kind = Workload::Kind::grid, .rows = 64, .row_bytes = 32, .trace = "", .seed = 1};
  const auto experiment = parse_experiment(kQuick, "mine");
  ASSERT_TRUE(experiment);
  Cell cell = cells_of(*experiment).back();
  cell.database = database;
  cell.geometry = {.rows = 64, .row_bytes = 32, .parts = 2};
  auto rows = make_rows(database);
  Bench bench(cell, *rows, {.repetitions = 1, .seconds_max = 1, .threads = 1});
  const auto go_on = [] { return false; };
  ASSERT_TRUE(bench.set_up(go_on));
  EXPECT_EQ(bench.measure(5, go_on)->wrong_rows, 0);
  database.seed = 2;
  *rows = *make_rows(database);
  EXPECT_EQ(bench.measure(5, go_on)->wrong_rows, 10);
}

TEST_F(PirbenchRun, AnotherMachinesFolderIsRefused) {
  auto calibration = load_calibration(directory_ + "/machine.json");
  ASSERT_TRUE(calibration);
  calibration->cpu = "abacus";
  ASSERT_TRUE(save(*calibration, directory_ + "/machine.json"));
  const auto refused = try_run(kQuick);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("is of another machine (abacus"));
}

TEST_F(PirbenchRun, CalibrationPricesEveryUnitAndItsFileSaysTheSame) {
  const Calibration made = calibrate();
  for (const double price : {made.machine.read_byte, made.machine.copied, made.machine.mac, made.machine.transform,
                             made.machine.pack_word, made.machine.word_mac, made.machine.sample}) {
    EXPECT_GT(price, 0);
    EXPECT_LT(price, 1e-2);
  }
  const std::string path = directory_ + "/again.json";
  ASSERT_TRUE(save(made, path));
  const auto read_back = load_calibration(path);
  ASSERT_TRUE(read_back) << read_back.error();
  EXPECT_EQ(read_back->machine.transform, made.machine.transform);
  EXPECT_EQ(read_back->cpu, made.cpu);
  write(path, "{}");
  EXPECT_THAT(load_calibration(path).error(), HasSubstr("make it anew with pirbench calibrate"));
}

// Every field of a line is explained where people look for it.
void expect_named(const Json& json, const std::string& document) {
  for (const auto& [key, value] : json.items()) {
    EXPECT_NE(document.find("`" + key + "`"), std::string::npos) << "docs/pir/bench.md does not name " << key;
    if (value.is_object()) expect_named(value, document);
  }
}
TEST_F(PirbenchRun, TheDocumentNamesEveryField) {
  run(kQuick);
  expect_named(lines().front(), read("docs/pir/bench.md"));
}

}  // namespace
}  // namespace cwtch::pirbench
