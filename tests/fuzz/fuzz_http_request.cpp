// Requests from hostile clients: the same events however the bytes are cut, and nothing understood that was not sent.
#include <algorithm>

#include "engine/core/random.hpp"
#include "tests/support/http_transcript.hpp"

using namespace cwtch;

namespace {

size_t occurrences(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace

// The first byte chooses how the rest is cut.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteView stream(data + 1, size - 1);
  const auto whole = test::transcript(stream);
  CHECK(test::transcript(stream, [](size_t) { return size_t{1}; }) == whole);
  SeededRandom random(data[0]);
  const uint64_t piece_max = 2 + (data[0] & 63);
  CHECK(test::transcript(stream, [&](size_t) { return static_cast<size_t>(1 + random.below(piece_max)); }) == whole);

  // Every request that was understood has a request line of its own in the input.
  const auto heads = std::count_if(whole.begin(), whole.end(), [](auto& line) { return line.starts_with("head "); });
  CHECK(static_cast<size_t>(heads) <= occurrences(text_of(stream), " HTTP/1."));
  // Exactly one outcome, at the end.
  const auto ends = std::count_if(whole.begin(), whole.end(), [](auto& line) {
    return line == "idle" || line == "unfinished" || line == "close" || line.starts_with("refused ");
  });
  CHECK(ends == 1);
  return 0;
}
