// An append-only file of frames that survives crashes: what was synced is never lost, and a write that was cut leaves
// nothing behind. Everything a profile knows is one such file (events.hpp); its state is what replaying it gives.
//
// File     a header block: "cwtchpj1" ‖ generation u64 ‖ CRC-32C of both u32 ‖ zeros; then frames. Little-endian.
// Frame    size u32 (highest bit: filler) ‖ crc u32 ‖ durable u64 ‖ payload ‖ zeros to a multiple of 16
//          crc is CRC-32C over generation ‖ offset of the frame ‖ size ‖ durable ‖ payload ‖ zeros, so no frame is
//          valid at any other place. `durable` is how much of the file was known to be synced when the frame was
//          written.
// Block    4 KiB. A block that holds synced bytes is never written again, since a power cut may spoil all of a block
//          that is being written: a durable write is filled up to the end of its block by a filler frame.
// A frame that does not verify ends the file, if no later frame says that its place had been synced: that was a cut.
// Otherwise the medium has lost or changed what it had promised to keep: corrupt.
//
// Several processes may use one file, one at a time, each under a lock of its own making: begin() tells what others
// appended. rewrite() replaces the file; the others notice by the generation.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/core/random.hpp"
#include "engine/io/files.hpp"

namespace cwtch::client {

class Journal {
 public:
  using OnFrame = std::function<Status(ByteView payload)>;
  static constexpr size_t kPayloadBytesMax = 1 << 20;
  static constexpr size_t kBlockBytes = 4096;

  // The file is "directory/name".
  Journal(io::Files& files, std::string directory, std::string name);

  // Makes the file with no frames, durably. Replaces what is there.
  Status create(Random& random);

  // Opens the file; REQUIRES that the caller holds its lock from here to end(). Calls on_reset first if the file is not
  // the one that was read before, then on_frame for each frame that was not yet seen. Cuts off what a crash left.
  Status begin(const std::function<void()>& on_reset, const OnFrame& on_frame);
  void end() { file_.reset(); }

  // Gathers a frame; write() puts what was gathered at the end of the file, and syncs it if `durable`. After an error
  // the caller must end(), and rewrite() behind the next begin(): the kernel may hold for clean what never reached the
  // medium, so a second sync of the same file would promise what is not there.
  void append(ByteView payload);
  Status write(bool durable);
  bool suspect() const { return suspect_; }  // write() has failed and no rewrite() has succeeded since

  // Replaces the file by one that holds only `payloads`, durably: a crash leaves the old or the new one.
  Status rewrite(Random& random, const std::vector<Bytes>& payloads);

  uint64_t size() const { return size_; }

 private:
  struct FrameHeader {
    uint32_t size;
    uint32_t crc;
    uint64_t durable;
  };
  static_assert(sizeof(FrameHeader) == 16);
  static constexpr uint32_t kFiller = 1u << 31;

  std::string path() const { return directory_ + "/" + name_; }
  void append_frame(Bytes& to, uint64_t offset, uint64_t durable, uint32_t flag, ByteView payload) const;
  void append_filler(Bytes& to, uint64_t offset, uint64_t durable) const;
  // The bytes of the valid frame at the front of `bytes`, padding included; 0 if there is none.
  size_t valid(ByteView bytes, uint64_t offset) const;
  Status read_frames(const OnFrame& on_frame);
  Status cut(uint64_t file_size);
  Status make_file(uint64_t generation, ByteView frames);

  io::Files& files_;
  const std::string directory_;
  const std::string name_;
  io::OpenFile file_;
  uint64_t generation_ = 0;
  uint64_t size_ = 0;     // verified, and known to the caller
  uint64_t durable_ = 0;  // of it, synced by us or so said by a frame
  Bytes gathered_;
  bool suspect_ = false;
};

}  // namespace cwtch::client
