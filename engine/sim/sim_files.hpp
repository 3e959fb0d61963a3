// io::Files on a simulated disk, with or without a World around it.
//
// Called from a worker function of a World, each call takes time; else it happens at once.
#pragma once

#include "engine/io/files.hpp"
#include "engine/sim/disk.hpp"

namespace cwtch::sim {

class World;

class SimFiles final : public io::Files {
 public:
  explicit SimFiles(Disk& disk, World* world = nullptr) : disk_(disk), world_(world) {}

  Result<io::File> open(const std::string& path, const io::OpenMode& mode) override;
  void close(io::File file) override;
  Result<size_t> read(io::File file, MutableBytes to, uint64_t offset) override;
  Status write(io::File file, ByteView bytes, uint64_t offset) override;
  Status sync(io::File file) override;
  Result<uint64_t> size(io::File file) override;
  Status truncate(io::File file, uint64_t size) override;

  Status make_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status unlink(const std::string& path) override;
  Result<io::Space> space(const std::string& path) override;
  Status set_times(const std::string& path, uint64_t seconds) override;
  Result<io::File> lock(const std::string& path) override;

 private:
  void wait();

  Disk& disk_;
  World* const world_;
};

}  // namespace cwtch::sim
