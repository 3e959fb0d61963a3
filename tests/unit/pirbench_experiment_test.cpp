#include <gmock/gmock.h>

#include <set>
#include <tuple>

#include "tools/pirbench/cells.hpp"

namespace cwtch::pirbench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGood = R"(
label = "the shelf"
[[workload]]
kind = "log"
rows = [100, 1_000]
seed = 7
[[workload]]
kind = "grid"
total_bytes = "1 MiB"
row_bytes = [32, 256]
[[scheme]]
name = "full"
[[scheme]]
name = "ring32"
parts = [1, 8]
partition = ["interleaved", "contiguous"]
[measure]
batches = [16, 1, 16]
repetitions = 3
seconds_max = 1.5
threads = 2
memory_max = "2 GiB"
[link]
bytes_per_s = 1e6
round_trip_s = 0
[prices]
cpu_hour = 1
gigabyte = 2
)";

std::string error_of(const std::string& toml) {
  const auto parsed = parse_experiment(toml, "mine.toml");
  return parsed ? "" : parsed.error();
}
std::string with(const std::string& more) {
  return "[[workload]]\nkind = \"log\"\nrows = 10\n[[scheme]]\nname = \"full\"\n" + more;
}

TEST(PirbenchExperiment, EveryKeyIsRead) {
  const auto experiment = parse_experiment(kGood, "mine");
  ASSERT_TRUE(experiment) << experiment.error();
  EXPECT_EQ(experiment->label, "the shelf");
  ASSERT_EQ(experiment->workloads.size(), 2);
  EXPECT_EQ(experiment->workloads[0].kind, Workload::Kind::log);
  EXPECT_THAT(experiment->workloads[0].rows, ElementsAre(100, 1000));
  EXPECT_THAT(experiment->workloads[0].row_bytes, ElementsAre(3072));
  EXPECT_EQ(experiment->workloads[0].seed, 7);
  EXPECT_THAT(experiment->workloads[1].total_bytes, ElementsAre(1 << 20));
  ASSERT_EQ(experiment->schemes.size(), 2);
  EXPECT_THAT(experiment->schemes[1].parts, ElementsAre(1, 8));
  EXPECT_THAT(experiment->schemes[1].partitions, ElementsAre(pir::Partition::interleaved, pir::Partition::contiguous));
  EXPECT_THAT(experiment->batches, ElementsAre(1, 16));
  EXPECT_EQ(experiment->repetitions, 3);
  EXPECT_EQ(experiment->seconds_max, 1.5);
  EXPECT_EQ(experiment->threads, 2);
  EXPECT_EQ(experiment->memory_max, uint64_t{2} << 30);
  EXPECT_EQ(experiment->link.bytes_per_s, 1e6);
  EXPECT_EQ(experiment->link.round_trip_s, 0);
  EXPECT_EQ(experiment->prices.cpu_hour, 1);
  EXPECT_EQ(experiment->prices.gigabyte, 2);
}

TEST(PirbenchExperiment, UnknownKeysNameTheNearestKnownOne) {
  EXPECT_EQ(error_of(with("[measure]\nbatch = 1\n")),
            "mine.toml, line 7: measure.batch is not known; did you mean measure.batches?");
  EXPECT_THAT(error_of(with("[mesure]\n")), HasSubstr("did you mean measure?"));
  EXPECT_THAT(error_of("[[workload]]\nkind = \"log\"\nrow = 10\n[[scheme]]\nname = \"full\"\n"),
              HasSubstr("line 3: workload.row is not known; did you mean workload.rows?"));
  EXPECT_THAT(error_of(with("[[scheme]]\nname = \"ring33\"\n")), HasSubstr("did you mean \"ring32\"?"));
}

TEST(PirbenchExperiment, ValuesAreChecked) {
  EXPECT_THAT(error_of("[[workload]\n"), HasSubstr("mine.toml, line 1"));
  EXPECT_THAT(error_of("[[scheme]]\nname = \"full\"\n"), HasSubstr("at least one [[workload]]"));
  EXPECT_THAT(error_of("[[workload]]\nkind = \"log\"\nrows = 1\n"), HasSubstr("at least one [[scheme]]"));
  EXPECT_THAT(error_of(with("[[workload]]\nrows = 1\n")), HasSubstr("needs kind"));
  EXPECT_THAT(error_of(with("[[workload]]\nkind = \"log\"\n")), HasSubstr("needs rows"));
  EXPECT_THAT(error_of(with("[[workload]]\nkind = \"grid\"\nrows = 1\n")), HasSubstr("needs total_bytes"));
  EXPECT_THAT(error_of(with("[[workload]]\nkind = \"log\"\nrows = 1\ntotal_bytes = 9999\n")),
              HasSubstr("has no total_bytes"));
  EXPECT_THAT(error_of(with("[[scheme]]\nname = \"full\"\nparts = 0\n")), HasSubstr("must be from 1 to 64"));
  EXPECT_THAT(error_of(with("[[scheme]]\nname = \"full\"\nparts = []\n")), HasSubstr("must not be empty"));
  EXPECT_THAT(error_of(with("[measure]\nmemory_max = \"many\"\n")), HasSubstr("is not a number"));
  EXPECT_THAT(error_of(with("[measure]\nseconds_max = -1\n")), HasSubstr("at least 0"));
  EXPECT_THAT(error_of(with("[link]\nbytes_per_s = 0\n")), HasSubstr("must be above 0"));
  EXPECT_THAT(error_of(with("[prices]\ncpu_hour = \"cheap\"\n")), HasSubstr("line 7: prices.cpu_hour"));
}

TEST(PirbenchExperiment, FilesThatAreNotThereAreAnError) {
  const auto none = load_experiment("no/such/file.toml");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error(), HasSubstr("no/such/file.toml: cannot be read"));
  const auto preset = load_preset("smke");
  ASSERT_FALSE(preset);
  EXPECT_THAT(preset.error(), HasSubstr("did you mean smoke?"));
}

TEST(PirbenchExperiment, PresetsAreExperimentsWhoseCellsDiffer) {
  EXPECT_EQ(presets().size(), 3);
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const auto experiment = load_preset(preset.name);
    ASSERT_TRUE(experiment) << experiment.error();
    std::set<std::string> ids;
    const auto cells = cells_of(*experiment);
    for (const Cell& cell : cells) {
      for (const uint64_t batch : experiment->batches) ids.insert(cell.id(batch, experiment->threads));
    }
    EXPECT_EQ(ids.size(), cells.size() * experiment->batches.size());
  }
}

// Nobody waits for a preset that compares schemes and leaves one out: each measures every scheme, in every number of
// parts, with every size of rows at least once.
TEST(PirbenchExperiment, PresetsMeasureWhatTheyName) {
  using Choice = std::tuple<std::string, uint32_t, uint32_t>;  // scheme, parts, row_bytes
  for (const Preset& preset : presets()) {
    SCOPED_TRACE(preset.name);
    const auto experiment = load_preset(preset.name);
    ASSERT_TRUE(experiment) << experiment.error();
    std::set<Choice> named, fitting;
    for (const Cell& cell : cells_of(*experiment)) {
      const Choice choice(cell.scheme->info().name, cell.geometry.parts, cell.geometry.row_bytes);
      named.insert(choice);
      if (pir::check(cell.geometry) && cell.scheme->fits(cell.geometry)) fitting.insert(choice);
    }
    EXPECT_EQ(fitting, named);
  }
}

// One part is one part however it is cut; the smallest database comes first.
TEST(PirbenchExperiment, CellsAreEachGeometryOnce) {
  const auto experiment = parse_experiment(kGood, "mine");
  ASSERT_TRUE(experiment);
  std::vector<std::string> texts;
  for (const Cell& cell : cells_of(*experiment)) {
    if (cell.database.kind == Workload::Kind::log) texts.push_back(cell.text());
  }
  EXPECT_THAT(
      texts,
      ElementsAre("log 100 x 3072, full", "log 100 x 3072, ring32", "log 100 x 3072, ring32 in 8 interleaved parts",
                  "log 100 x 3072, ring32 in 8 contiguous parts", "log 1000 x 3072, full", "log 1000 x 3072, ring32",
                  "log 1000 x 3072, ring32 in 8 interleaved parts", "log 1000 x 3072, ring32 in 8 contiguous parts"));
}

}  // namespace
}  // namespace cwtch::pirbench
