// Workload: what the medium gives by itself. Files are read with direct I/O from many places at once, and nothing is
// done with the bytes: the ceiling for anybody who serves them cold.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <vector>

#include "engine/core/aligned_memory.hpp"
#include "engine/io/files.hpp"
#include "engine/io/io.hpp"
#include "tools/loadgen/commands.hpp"

namespace cwtch::loadgen {
namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kInFlight = 64;

struct Part {
  io::File file;
  uint64_t offset;
};

struct MediumReader {
  io::Io& io;
  std::vector<Part> parts;  // in the order in which they are read
  AlignedMemory memory = AlignedMemory(kInFlight * kPieceBytes);
  size_t next = 0;
  size_t in_flight = 0;
  uint64_t bytes = 0;
  std::string failure;

  struct Slot {
    MediumReader* reader;
    MutableBytes to;
    io::Read read;
    void start() {
      if (reader->next == reader->parts.size()) return;
      const Part& part = reader->parts[reader->next++];
      reader->in_flight += 1;
      reader->io.read(read, part.file, to, part.offset, io::then<&Slot::done>(this));
    }
    void done(io::Read&) {
      reader->in_flight -= 1;
      if (const Result<size_t> size = read.size()) {
        reader->bytes += *size;
        start();
      } else {
        reader->failure = size.error().message();
      }
    }
  };
};

}  // namespace

Figures medium(const MediumOptions& options) {
  io::Files& files = io::system_files();
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(options.directory)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<io::OpenFile> opened;
  std::vector<Part> log;
  for (const std::string& path : paths) {
    const Result<io::File> file = files.open(path, {.direct = true});
    if (!file) throw std::runtime_error(path + ": " + file.error().message());
    opened.emplace_back(files, *file);
    const Result<uint64_t> size = files.size(*file);
    if (!size) throw std::runtime_error(path + ": " + size.error().message());
    for (uint64_t offset = 0; offset < *size; offset += kPieceBytes) log.push_back({*file, offset});
  }
  if (log.empty()) throw std::runtime_error("medium: nothing to read in " + options.directory);

  auto io = io::make_io({});
  if (!io) throw std::runtime_error(io.error().message());
  MediumReader reader{.io = **io, .parts = {}};
  reader.memory.populate(std::atomic<bool>(false));
  // Each place goes through its own part, and all of them take turns.
  const size_t part = (log.size() + options.places - 1) / options.places;
  for (size_t i = 0; i < part; ++i) {
    for (size_t at = i; at < log.size(); at += part) reader.parts.push_back(log[at]);
  }
  std::vector<std::unique_ptr<MediumReader::Slot>> slots;
  const auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kInFlight; ++i) {
    slots.push_back(std::make_unique<MediumReader::Slot>());
    slots.back()->reader = &reader;
    slots.back()->to = reader.memory.bytes().subspan(i * kPieceBytes, kPieceBytes);
    slots.back()->start();
  }
  while (reader.in_flight > 0) (*io)->turn(true);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!reader.failure.empty()) throw std::runtime_error("medium: " + reader.failure);

  Figures figures;
  figures["places"] = options.places;
  figures["bytes"] = reader.bytes;
  figures["seconds"] = seconds;
  figures["gigabytes_per_s"] = static_cast<double>(reader.bytes) / 1e9 / seconds;
  return figures;
}

}  // namespace cwtch::loadgen
