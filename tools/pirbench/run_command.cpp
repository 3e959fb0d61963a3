#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "tools/pirbench/calibrate.hpp"
#include "tools/pirbench/commands.hpp"
#include "tools/pirbench/run.hpp"

namespace cwtch::pirbench {
namespace {

constexpr int kInterrupted = 130;  // as a shell says of SIGINT
volatile std::sig_atomic_t interrupted = 0;

// The first asks for an end between two measurements, the second ends the program.
void interrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

int failure(const std::string& text) {
  fmt::print(stderr, "pirbench: {}\n", text);
  return 1;
}

struct RunFlags {
  std::string file, preset, directory;
  bool retry = false, json = false, quiet = false;
};

std::string preset_names() {
  std::string names;
  for (const Preset& preset : presets()) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  return names;
}

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

int run(const RunFlags& flags) {
  if (flags.file.empty() == flags.preset.empty()) {
    return failure(fmt::format("name an experiment file, or --preset ({})", preset_names()));
  }
  const auto experiment = flags.preset.empty() ? load_experiment(flags.file) : load_preset(flags.preset);
  if (!experiment) return failure(experiment.error());
  RunOptions options{.directory = flags.directory,
                     .retry = flags.retry,
                     .stop = [] { return interrupted != 0; },
                     .say =
                         [&](const std::string& line) {
                           if (!flags.quiet) print_line(line);
                         }};
  if (flags.json) options.progress = tools::Progress::Style::json;
  if (flags.quiet) options.progress = tools::Progress::Style::quiet;
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  const auto done = run_experiment(*experiment, options);
  if (!done) return failure(done.error());
  fmt::print("{}: {} measured, {} skipped, {} failed, {} there before; {}/results.jsonl and results.csv.\n",
             experiment->name, done->measured, done->skipped, done->failed, done->there, flags.directory);
  if (done->stopped) {
    fmt::print("Interrupted; the same command goes on.\n");
    return kInterrupted;
  }
  return done->failed == 0 ? 0 : 1;
}

int calibrate_into(const std::string& path) {
  const Calibration calibration = calibrate();
  if (const auto saved = save(calibration, path); !saved) return failure(saved.error());
  const pir::Machine& machine = calibration.machine;
  fmt::print(
      "{} ({}), CPU nanoseconds per unit: {:.4f} per byte read, {:.4f} per byte copied, {:.4f} per product of a byte, "
      "{:.0f} per transform, "
      "{:.3f} per prepared word and {:.3f} per key of it, {:.3f} per product of words, {:.2f} per sample. Written to "
      "{}.\n",
      calibration.cpu, calibration.kernel_target, machine.read_byte * 1e9, machine.copied * 1e9, machine.mac * 1e9,
      machine.transform * 1e9, machine.pack_read * 1e9, machine.pack_word * 1e9, machine.word_mac * 1e9,
      machine.sample * 1e9, path);
  return 0;
}

}  // namespace

Command add_run(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("run", "Measures an experiment: every workload with every scheme and batch size");
  command->footer(
      "Each recovered row is compared with the truth, and beside each figure stands what the scheme's formulas "
      "predict\n"
      "for this machine. Each finished measurement is a line of OUT/results.jsonl; what is there is not measured "
      "again,\n"
      "so an interrupted run goes on where it was, and an experiment can grow. OUT/machine.json is made first if it "
      "is\n"
      "not there.\n\n"
      "  pirbench run --preset smoke -o out          seconds: does everything run?\n"
      "  pirbench run --preset cwtch-log -o out      10,000 to 1,000,000 group messages\n"
      "  pirbench run mine.toml -o out               docs/pir/bench.md has every key");
  const auto flags = std::make_shared<RunFlags>();
  auto* const file = command->add_option("FILE", flags->file, "an experiment, TOML");
  command->add_option("--preset", flags->preset, "one of ours: " + preset_names())->excludes(file);
  command->add_option("-o,--out", flags->directory, "the folder of results")->type_name("OUT")->required();
  command->add_flag("--retry", flags->retry, "try again what was skipped or failed");
  auto* const json = command->add_flag("--json", flags->json, "progress as JSON lines");
  command->add_flag("--quiet", flags->quiet, "only the last line")->excludes(json);
  return [flags] { return run(*flags); };
}

Command add_calibrate(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("calibrate", "Measures what one unit of work costs on this machine");
  command->footer(
      "A byte read, a product, a transform, a sample and so on, in CPU seconds, by small runs of the code that does "
      "it.\n"
      "run prices the schemes' formulas with it, and makes it by itself where it is missing. On a quiet machine, "
      "please.");
  const auto path = std::make_shared<std::string>();
  command->add_option("-o,--out", *path, "the file: machine.json in a folder of results")
      ->type_name("FILE")
      ->required();
  return [path] { return calibrate_into(*path); };
}

}  // namespace cwtch::pirbench
