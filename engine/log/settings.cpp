#include "engine/log/settings.hpp"

#include "engine/core/aligned_memory.hpp"
#include "engine/core/codec.hpp"
#include "engine/core/crc32c.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::log {
namespace {

constexpr char kMagic[] = "CWTCHLOG";
constexpr uint32_t kVersion = 1;
constexpr uint32_t kChunkBytesMax = 1u << 22;

std::string path_of(const std::string& directory) { return directory + "/settings"; }

}  // namespace

Status check(const Options& options) {
  if (options.chunk_bytes % kBlockBytes != 0 || options.chunk_bytes < 2 * kBlockBytes ||
      options.chunk_bytes > kChunkBytesMax)
    return fail(Errc::malformed, "log: chunk_bytes must be a multiple of 4096 from 8192 to 4 MiB");
  if (options.group_bytes_max % kBlockBytes != 0 || options.group_bytes_max < 2 * kBlockBytes)
    return fail(Errc::malformed, "log: group_bytes_max must be a multiple of 4096 and at least 8192");
  if (options.journal_files < 3) return fail(Errc::malformed, "log: journal_files must be at least 3");
  if (options.journal_file_bytes % kBlockBytes != 0 || options.journal_file_bytes < options.group_bytes_max)
    return fail(Errc::malformed, "log: journal_file_bytes must be a multiple of 4096 and hold a whole group");
  if (options.seal_records == 0 || options.seal_records > kIndexRecordsMax)
    return fail(Errc::malformed, "log: seal_records must be from 1 to 2^20");
  if (options.row_bytes < kRowBytesMin || options.row_bytes > kRowBytesMax)
    return fail(Errc::malformed, "log: row_bytes must be from 512 to 65536");
  if (options.merge_factor < 2) return fail(Errc::malformed, "log: merge_factor must be at least 2");
  return {};
}

Status write_settings(io::Files& files, const std::string& directory, const Settings& settings) {
  const AlignedMemory block(kBlockBytes);
  Writer writer(block.bytes().first(kBlockBytes));
  writer.put(bytes_of(kMagic));
  writer.put(kVersion);
  writer.put(settings.chunk_bytes);
  writer.put(settings.journal_files);
  writer.put(settings.row_bytes);
  writer.put(settings.journal_file_bytes);
  writer.put(settings.secret);
  writer.zeros(kBlockBytes - writer.size() - 4);
  writer.put(crc32c(0, block.bytes().first(kBlockBytes - 4)));
  Result<io::File> file = files.open(path_of(directory), {.write = true, .create = true});
  if (!file) return fail(file.error());
  const io::OpenFile open(files, *file);
  if (const Status written = files.write(*file, block.bytes().first(kBlockBytes), 0); !written) return written;
  return files.sync(*file);
}

Result<Settings> read_settings(io::Files& files, const std::string& directory) {
  Result<io::File> file = files.open(path_of(directory), {});
  if (!file) return fail(file.error());
  const io::OpenFile open(files, *file);
  Bytes block(kBlockBytes);
  const Result<size_t> got = files.read(*file, block, 0);
  if (!got) return fail(got.error());
  if (*got != kBlockBytes ||
      load_le<uint32_t>(block.data() + kBlockBytes - 4) != crc32c(0, ByteView(block).first(kBlockBytes - 4)))
    return fail(Errc::corrupt, "settings: checksum differs", 0);
  Reader reader(block);
  if (!equal_vartime(reader.take(8), bytes_of(kMagic))) return fail(Errc::corrupt, "settings: not a log", 0);
  if (reader.get<uint32_t>() != kVersion) return fail(Errc::unsupported, "settings: made by another version of cwtchd");
  Settings settings;
  settings.chunk_bytes = reader.get<uint32_t>();
  settings.journal_files = reader.get<uint32_t>();
  settings.row_bytes = reader.get<uint32_t>();
  settings.journal_file_bytes = reader.get<uint64_t>();
  std::memcpy(settings.secret.data(), reader.take(16).data(), 16);
  if (settings.row_bytes < kRowBytesMin || settings.row_bytes > kRowBytesMax)
    return fail(Errc::unsupported, "settings: made by another version of cwtchd");
  return settings;
}

}  // namespace cwtch::log
