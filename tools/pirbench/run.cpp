#include "tools/pirbench/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "tools/pirbench/result_line.hpp"
#include "tools/pirbench/results.hpp"

namespace cwtch::pirbench {
namespace {

constexpr double kMiB = 1 << 20;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// That of the folder, made now if it has none. One of another machine would price this one's work wrongly, and its
// results belong elsewhere.
OrText<Calibration> calibration_of(const Results& results, const MachineInfo& machine, const RunOptions& options) {
  const std::string path = results.calibration_path();
  if (!std::filesystem::exists(path)) {
    options.say("Calibrating this machine ...");
    Calibration calibration = calibrate();
    if (const auto saved = save(calibration, path); !saved) return wrong(saved.error());
    return calibration;
  }
  auto calibration = load_calibration(path);
  if (!calibration) return calibration;
  if (calibration->cpu != machine.cpu || calibration->kernel_target != machine.kernel_target) {
    return wrong(fmt::format("{} is of another machine ({}, {}); choose another folder, one per machine", path,
                             calibration->cpu, calibration->kernel_target));
  }
  return calibration;
}

class Run {
 public:
  Run(const Experiment& experiment, const RunOptions& options, Results& results, const MachineInfo& machine,
      const pir::Machine& prices)
      : experiment_(experiment),
        options_(options),
        results_(results),
        context_{experiment, machine, prices},
        memory_max_(experiment.memory_max > 0 ? static_cast<double>(experiment.memory_max)
                                              : 0.8 * static_cast<double>(available_bytes())),
        progress_("Measuring", "ms of predicted work", 0, options.progress) {}

  OrText<RunSummary> all() {
    const std::vector<Cell> cells = cells_of(experiment_);
    for (const Cell& cell : cells) progress_total_ += predicted_ms(cell, batches_left(cell));
    progress_.set_total(progress_total_);
    for (const Cell& cell : cells) {
      const std::vector<uint64_t> batches = batches_left(cell);
      summary_.there += experiment_.batches.size() - batches.size();
      if (batches.empty() || stopped()) continue;
      if (const auto done = one(cell, batches); !done) return wrong(done.error());
      progress_.add(predicted_ms(cell, batches));
    }
    progress_.finish();
    return summary_;
  }

 private:
  bool stopped() {
    summary_.stopped = summary_.stopped || options_.stop();
    return summary_.stopped;
  }

  std::vector<uint64_t> batches_left(const Cell& cell) const {
    std::vector<uint64_t> left;
    for (const uint64_t batch : experiment_.batches) {
      if (!results_.has(cell.id(batch, experiment_.threads))) left.push_back(batch);
    }
    return left;
  }

  // For the bar alone: what a cell's repetitions would take.
  uint64_t predicted_ms(const Cell& cell, const std::vector<uint64_t>& batches) const {
    if (batches.empty() || refusal(cell)) return 0;
    const auto repeated = [&](double once) {
      const double all = once * static_cast<double>(experiment_.repetitions);
      return std::max(once, std::min(all, experiment_.seconds_max));
    };
    double seconds = repeated(pir::seconds(cell.scheme->cost(cell.geometry, 1).setup, context_.prices));
    for (const uint64_t batch : batches) {
      if (memory_needed(cell, batch) > memory_max_) continue;
      const pir::Cost cost = cell.scheme->cost(cell.geometry, static_cast<uint32_t>(batch));
      seconds += repeated(pir::seconds(cost.answer, context_.prices) +
                          static_cast<double>(batch) * pir::seconds(cost.client, context_.prices));
    }
    return static_cast<uint64_t>(seconds * 1e3);
  }

  // Why the scheme does not take the geometry.
  static std::optional<std::string> refusal(const Cell& cell) {
    if (const Status status = pir::check(cell.geometry); !status) return status.error().message();
    if (const Status status = cell.scheme->fits(cell.geometry); !status) return status.error().message();
    return std::nullopt;
  }

  OrText<void> one(const Cell& cell, const std::vector<uint64_t>& batches) {
    if (const auto why = refusal(cell)) return without_figures(cell, batches, Outcome::skipped, *why);
    std::vector<uint64_t> fitting;
    for (const uint64_t batch : batches) {
      const double needed = memory_needed(cell, batch);
      if (needed <= memory_max_) {
        fitting.push_back(batch);
        continue;
      }
      const auto why = fmt::format("needs about {:.0f} MiB of memory, and {:.0f} are allowed (measure.memory_max)",
                                   needed / kMiB, memory_max_ / kMiB);
      if (const auto done = without_figures(cell, {batch}, Outcome::skipped, why); !done) return done;
    }
    if (fitting.empty()) return {};
    if (const auto made = take_rows(cell.database); !made) {
      return without_figures(cell, fitting, Outcome::skipped, made.error());
    }
    return measure(cell, fitting);
  }

  // The rows of one database are those of many cells.
  OrText<void> take_rows(const Database& database) {
    if (rows_ && rows_of_ == database) return {};
    rows_.reset();
    options_.say(fmt::format("{}: making the rows ...", database.text()));
    auto rows = make_rows(database);
    if (!rows) return wrong(rows.error());
    rows_ = std::move(*rows);
    rows_of_ = database;
    return {};
  }

  OrText<void> measure(const Cell& cell, const std::vector<uint64_t>& batches) {
    Bench bench(cell, *rows_, {experiment_.repetitions, experiment_.seconds_max, experiment_.threads});
    const auto stop = [this] { return stopped(); };
    const auto setup = bench.set_up(stop);
    if (!setup) return without_figures(cell, batches, Outcome::failed, setup.error());
    for (const uint64_t batch : batches) {
      if (stopped()) return {};
      const auto figures = bench.measure(batch, stop);
      if (!figures) {
        if (const auto done = without_figures(cell, {batch}, Outcome::failed, figures.error()); !done) return done;
        continue;
      }
      if (const auto done = with_figures(cell, batch, *setup, *figures); !done) return done;
    }
    return {};
  }

  OrText<void> with_figures(const Cell& cell, uint64_t batch, const SetupFigures& setup, const BatchFigures& figures) {
    const bool right = figures.wrong_rows == 0;
    const std::string reason =
        right ? "" : fmt::format("{} rows of {} queries were wrong", figures.wrong_rows, figures.queries);
    right ? ++summary_.measured : ++summary_.failed;
    const auto line =
        result_line(context_, cell, batch, right ? Outcome::measured : Outcome::failed, reason, setup, figures);
    options_.say(fmt::format("{}, batch {}: {:.3f} ms CPU per query ({:.3f} predicted), {:.0f} B up, {:.0f} B down{}",
                             cell.text(), batch, median(figures.answer_cpu) / static_cast<double>(batch) * 1e3,
                             line["seconds"]["answer"]["predicted"].get<double>() / static_cast<double>(batch) * 1e3,
                             figures.request_bytes, figures.answer_bytes, right ? "" : ": FAILED, " + reason));
    return results_.append(line);
  }

  OrText<void> without_figures(const Cell& cell, const std::vector<uint64_t>& batches, Outcome outcome,
                               const std::string& reason) {
    const bool skipped = outcome == Outcome::skipped;
    for (const uint64_t batch : batches) {
      skipped ? ++summary_.skipped : ++summary_.failed;
      options_.say(fmt::format("{}, batch {}: {}, {}", cell.text(), batch, skipped ? "skipped" : "FAILED", reason));
      const auto done = results_.append(result_line(context_, cell, batch, outcome, reason, {}, {}));
      if (!done) return done;
    }
    return {};
  }

  const Experiment& experiment_;
  const RunOptions& options_;
  Results& results_;
  const RunContext context_;
  const double memory_max_;
  tools::Progress progress_;
  uint64_t progress_total_ = 0;
  RunSummary summary_;
  std::optional<Rows> rows_;
  Database rows_of_;
};

}  // namespace

OrText<RunSummary> run_experiment(const Experiment& experiment, const RunOptions& options) {
  auto results = Results::open(options.directory);
  if (!results) return wrong(results.error());
  if (options.retry) {
    if (const auto dropped = results->drop_unmeasured(); !dropped) return wrong(dropped.error());
  }
  const MachineInfo machine = machine_info(experiment.label);
  const auto calibration = calibration_of(*results, machine, options);
  if (!calibration) return wrong(calibration.error());
  const auto summary = Run(experiment, options, *results, machine, calibration->machine).all();
  // Also of a run that fails: what has been measured is there.
  if (const auto written = results->write_csv(); !written) return wrong(written.error());
  return summary;
}

}  // namespace cwtch::pirbench
