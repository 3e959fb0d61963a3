// What loadgen can do. Every command is bounded in time and in count, talks to loopback only, and returns its figures
// as one JSON object with names that carry their unit.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cwtch::loadgen {

using Figures = nlohmann::ordered_json;

// What the commands that talk to a server have in common.
struct Common {
  std::string target;
  std::vector<pid_t> pids;  // of the server: whose CPU time and memory are reported
  double seconds = 2;       // of measuring
  double warmup_seconds = 0.3;
};

struct PostOptions {
  uint32_t connections = 16;
  size_t record_bytes = 2800;
  uint64_t seed = 0;  // 0: another one each time, so that a server with a duplicate check accepts every run
  bool nats = false;  // speak the NATS protocol to a JetStream stream, else HTTP to /v1/records
};
// Closed loop: each connection posts its next record when the last one is acknowledged as durable.
Figures post(const Common& common, const PostOptions& options);

// A log as a client sees it: files that follow each other. `size` is needed where readers start inside.
struct Piece {
  std::string path;
  uint64_t bytes;
};
std::vector<Piece> read_pieces(const std::string& file);  // lines "PATH BYTES"

struct StreamOptions {
  uint32_t readers = 16;
  std::vector<Piece> pieces;
  // False: every reader goes round and round from its own place, until the time is over.
  // True: reader i takes the i-th part of the log once, so that every byte is asked for exactly once (cold caches).
  bool share = false;
  bool ranges = true;      // the server understands Range; without it readers start at the start of pieces
  uint32_t stopped = 0;    // further readers that ask for a piece and then stop reading
  std::string probe_path;  // if set: a small request, again and again beside the readers
};
Figures stream(const Common& common, const StreamOptions& options);

struct MediumOptions {
  std::string directory;  // every file in it is read once
  uint32_t places = 16;
};
Figures medium(const MediumOptions& options);

struct FanoutOptions {
  uint32_t followers = 1000;
  uint32_t records = 200;
  uint32_t interval_ms = 20;
  size_t record_bytes = 2800;
};
// Records are posted one by one, paced; the time from the acknowledgement to the arrival at each follower is counted.
Figures fanout(const Common& common, const FanoutOptions& options);

struct IdleOptions {
  uint32_t connections = 5000;
  std::string path;      // asked for once, never ending or never read
  bool stopped = false;  // readers that stop reading in the middle, with small receive buffers
};
// Memory of the server and of the kernel per connection.
Figures idle(const Common& common, const IdleOptions& options);

struct FillOptions {
  std::string directory;
  uint64_t records = 100'000;
  size_t record_bytes = 2800;
  uint64_t seed = 1;
  uint32_t seal_records = 4096;
  uint32_t merge_factor = 8;
  uint64_t merged_bytes_max = 1ull << 30;
};
// Makes a log of that many records through the log library itself, without a server.
Figures fill(const FillOptions& options);

}  // namespace cwtch::loadgen
