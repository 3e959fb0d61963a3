// loadgen: the load for benches and for soak tests, and the stopwatch beside it. See docs/benchmarks.md.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "engine/io/descriptors.hpp"
#include "tools/loadgen/commands.hpp"
#include "tools/loadgen/report.hpp"

namespace {

using namespace cwtch::loadgen;

void add_common(CLI::App& command, Common& common) {
  command.add_option("target", common.target, "ADDRESS:PORT on the loopback interface")->required();
  command.add_option("--pid", common.pids, "a process of the server, to report its CPU time and memory");
  command.add_option("--seconds", common.seconds, "how long is measured")->check(CLI::Range(0.05, 600.0));
  command.add_option("--warmup", common.warmup_seconds, "how long before that")->check(CLI::Range(0.0, 60.0));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Loads a server on this machine's loopback interface and prints what it did"};
  app.require_subcommand(1);
  app.fallthrough();  // --json may stand anywhere
  bool json = false;
  app.add_flag("--json", json, "print one JSON object");
  Common common;

  PostOptions post_options;
  CLI::App* const post_command =
      app.add_subcommand("post", "post records, each acknowledged when durable, closed loop");
  add_common(*post_command, common);
  post_command->add_option("--connections", post_options.connections)->check(CLI::Range(1, 15'000));
  post_command->add_option("--record-bytes", post_options.record_bytes)->check(CLI::Range(120, 6080));
  post_command->add_option("--seed", post_options.seed, "0: new records in each run");
  post_command->add_flag("--nats", post_options.nats,
                         "publish to a JetStream stream (made anew) instead of HTTP posts");

  StreamOptions stream_options;
  std::string pieces_file;
  CLI::App* const stream_command =
      app.add_subcommand("stream", "read the log with many readers, copying what they get");
  add_common(*stream_command, common);
  stream_command->add_option("--readers", stream_options.readers)->check(CLI::Range(0, 15'000));
  stream_command->add_option("--pieces", pieces_file, "file of lines PATH BYTES that make up the log")->required();
  stream_command->add_flag("--share", stream_options.share, "each reader takes its own part once (for cold caches)");
  bool no_ranges = false;
  stream_command->add_flag("--no-ranges", no_ranges, "start only at the start of pieces");
  stream_command->add_option("--stopped", stream_options.stopped, "further readers that stopped reading")
      ->check(CLI::Range(0, 15'000));
  stream_command->add_option("--probe", stream_options.probe_path, "path of a small request that is timed beside them");

  FanoutOptions fanout_options;
  CLI::App* const fanout_command = app.add_subcommand("fanout", "time from a post's acknowledgement to its followers");
  add_common(*fanout_command, common);
  fanout_command->add_option("--followers", fanout_options.followers)->check(CLI::Range(1, 15'000));
  fanout_command->add_option("--records", fanout_options.records)->check(CLI::Range(1, 100'000));
  fanout_command->add_option("--interval-ms", fanout_options.interval_ms)->check(CLI::Range(0, 10'000));
  fanout_command->add_option("--record-bytes", fanout_options.record_bytes)->check(CLI::Range(120, 6080));

  IdleOptions idle_options;
  CLI::App* const idle_command = app.add_subcommand("idle", "memory of connections that do nothing");
  add_common(*idle_command, common);
  idle_command->add_option("--connections", idle_options.connections)->check(CLI::Range(1, 15'000));
  idle_command->add_option("--path", idle_options.path, "what each asks for once")->required();
  idle_command->add_flag("--stopped", idle_options.stopped, "they stop reading in the middle of the reply");

  FillOptions fill_options;
  CLI::App* const fill_command = app.add_subcommand("fill", "make a log of many records, without a server");
  fill_command->add_option("directory", fill_options.directory)->required();
  fill_command->add_option("--records", fill_options.records)->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
  fill_command->add_option("--record-bytes", fill_options.record_bytes)->check(CLI::Range(120, 6080));
  fill_command->add_option("--seed", fill_options.seed);
  fill_command->add_option("--seal-records", fill_options.seal_records);
  fill_command->add_option("--merge-factor", fill_options.merge_factor);
  fill_command->add_option("--merged-bytes-max", fill_options.merged_bytes_max);

  MediumOptions medium_options;
  CLI::App* const medium_command =
      app.add_subcommand("medium", "read files with direct I/O and do nothing with them: what cold readers could get");
  medium_command->add_option("directory", medium_options.directory)->required();
  medium_command->add_option("--places", medium_options.places)->check(CLI::Range(1, 1024));

  CLI11_PARSE(app, argc, argv);
  try {
    cwtch::io::raise_descriptor_limit();
    Figures figures;
    if (*post_command) figures = post(common, post_options);
    if (*stream_command) {
      stream_options.pieces = read_pieces(pieces_file);
      stream_options.ranges = !no_ranges;
      figures = stream(common, stream_options);
    }
    if (*fanout_command) figures = fanout(common, fanout_options);
    if (*idle_command) figures = idle(common, idle_options);
    if (*fill_command) figures = fill(fill_options);
    if (*medium_command) figures = medium(medium_options);
    print(figures, json);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "loadgen: {}\n", problem.what());
    return 1;
  }
  return 0;
}
