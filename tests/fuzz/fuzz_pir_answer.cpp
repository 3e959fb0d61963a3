// Statics and answers from hostile servers: an error, or the rows that were wanted, of the right size.
#include "tests/fuzz/fuzz_pir.hpp"

using namespace cwtch;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)test::fuzzed_schemes();
  return 0;
}

// The first byte chooses the scheme and whether the statics are the input's too; the second says how many bytes are
// statics.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const auto& all = test::fuzzed_schemes();
  const test::FuzzedScheme& fuzzed = all[(data[0] & 0x7f) % all.size()];
  ByteView rest(data + 2, size - 2);
  const pir::Client* client = fuzzed.client.get();
  std::unique_ptr<pir::Client> lied_to;
  if ((data[0] & 0x80) != 0) {
    const ByteView mine = rest.first(std::min<size_t>(data[1], rest.size()));
    rest = rest.subspan(mine.size());
    std::vector<pir::Blob> statics;
    for (const pir::Blob& blob : fuzzed.server->statics()) statics.push_back({test::mutated(blob.bytes, mine), {}});
    if (statics.empty()) statics.push_back({Bytes(mine.begin(), mine.end()), {}});
    auto connected = fuzzed.scheme->connect(test::kFuzzContext, fuzzed.geometry, statics);
    if (!connected) {
      CHECK(connected.error().code == Errc::malformed);
      return 0;
    }
    lied_to = std::move(*connected);
    client = lied_to.get();
  }
  SeededRandom random(size);
  const uint64_t wanted = fuzzed.geometry.row_at(0, 1);
  pir::Query query = client->query({&wanted, 1}, random);
  CHECK(query.request.size() == client->request_bytes());
  const Bytes answer = test::mutated(Bytes(client->answer_bytes()), rest);
  const auto rows = client->recover(std::move(query.secret), answer);
  if (!rows) {
    CHECK(rows.error().code == Errc::malformed || rows.error().code == Errc::corrupt);
    return 0;
  }
  CHECK(rows->size() == 1);
  CHECK(rows->at(0).number == wanted);
  CHECK(rows->at(0).bytes.size() == fuzzed.geometry.row_bytes);
  return 0;
}
