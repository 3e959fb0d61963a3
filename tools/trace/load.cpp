#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "engine/core/bytes.hpp"
#include "tools/trace/trace.hpp"

namespace cwtch::trace {
namespace {

constexpr size_t kLineBytesMax = 64 * 1024;
constexpr size_t kTextBytesMax = size_t{1} << 30;  // of the whole file, unpacked

struct CloseFile {
  void operator()(FILE* file) const { std::fclose(file); }
};
struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail_errno(errno, "trace: open");
  std::string bytes;
  std::string part(1 << 20, '\0');
  while (const size_t got = std::fread(part.data(), 1, part.size(), file.get())) {
    bytes.append(part, 0, got);
    if (bytes.size() > kTextBytesMax) return fail(Errc::too_large, "trace: file is larger than 1 GiB");
  }
  if (std::ferror(file.get()) != 0) return fail_errno(errno, "trace: read");
  return bytes;
}

Result<std::string> unpack(const std::string& packed) {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  std::string text;
  std::string part(1 << 20, '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  for (size_t rest = 1; in.pos < in.size || rest != 0;) {
    ZSTD_outBuffer out{part.data(), part.size(), 0};
    const size_t before = in.pos;
    rest = ZSTD_decompressStream(stream.get(), &out, &in);
    if (ZSTD_isError(rest) != 0) return fail(Errc::malformed, "trace: zstd stream is damaged", in.pos);
    text.append(part, 0, out.pos);
    if (text.size() > kTextBytesMax) return fail(Errc::too_large, "trace: unpacks to more than 1 GiB");
    if (out.pos == 0 && in.pos == before && rest != 0)
      return fail(Errc::malformed, "trace: zstd stream is cut off", in.pos);
  }
  return text;
}

bool take_number(std::string_view field, uint32_t* number) {
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), *number);
  return error == std::errc() && end == field.data() + field.size();
}

}  // namespace

Result<Trace> load(const std::string& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return fail(bytes.error());
  if (bytes->starts_with("\x28\xB5\x2F\xFD")) bytes = unpack(*bytes);  // RFC 8878, 3.1.1
  if (!bytes) return fail(bytes.error());

  Trace trace;
  std::unordered_map<std::string, uint32_t> sender_index;
  uint64_t line_number = 0;
  for (std::string_view rest = *bytes; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (++line_number == 1) {
      if (line != "seconds\tgroup\tsender\ttext")
        return fail(Errc::malformed, "trace: first line is not the header", 1);
      continue;
    }
    if (line.size() > kLineBytesMax) return fail(Errc::too_large, "trace: line is longer than 64 KiB", line_number);
    const size_t a = line.find('\t');
    const size_t b = a == line.npos ? a : line.find('\t', a + 1);
    const size_t c = b == line.npos ? b : line.find('\t', b + 1);
    Message message;
    if (c == line.npos || !take_number(line.substr(0, a), &message.seconds) ||
        !take_number(line.substr(a + 1, b - a - 1), &message.group) || message.group > 1'000'000)
      return fail(Errc::malformed, "trace: line is not seconds, group, sender, text", line_number);
    const std::string sender(line.substr(b + 1, c - b - 1));
    const auto [place, fresh] = sender_index.try_emplace(sender, static_cast<uint32_t>(trace.senders.size()));
    if (fresh) trace.senders.push_back(sender);
    message.sender = place->second;
    message.text = line.substr(c + 1);
    trace.groups_count = std::max(trace.groups_count, message.group + 1);
    trace.messages.push_back(std::move(message));
  }
  if (trace.messages.empty()) return fail(Errc::malformed, "trace: no messages");
  return trace;
}

Trace first_groups(const Trace& trace, uint32_t groups_count) {
  Trace part;
  part.groups_count = std::min(groups_count, trace.groups_count);
  std::vector<uint32_t> renumbered(trace.senders.size(), UINT32_MAX);
  for (const Message& message : trace.messages) {
    if (message.group >= part.groups_count) continue;
    uint32_t& sender = renumbered[message.sender];
    if (sender == UINT32_MAX) {
      sender = static_cast<uint32_t>(part.senders.size());
      part.senders.push_back(trace.senders[message.sender]);
    }
    part.messages.push_back({message.seconds, message.group, sender, message.text});
  }
  return part;
}

}  // namespace cwtch::trace
