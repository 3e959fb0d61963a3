// Queries from hostile clients: check() refuses what has the wrong size, and what it lets through is answered, alone
// and in a batch, with the same bytes of the right size.
#include "tests/fuzz/fuzz_pir.hpp"

using namespace cwtch;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)test::fuzzed_schemes();
  return 0;
}

// The first byte chooses the scheme.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto& all = test::fuzzed_schemes();
  const test::FuzzedScheme& fuzzed = all[data[0] % all.size()];
  const Bytes& right = fuzzed.request;
  CHECK(fuzzed.server->check(right));
  const Bytes request = test::mutated(right, ByteView(data, size).subspan(1));
  const Status status = fuzzed.server->check(request);
  if (!status) {
    CHECK(status.error().code == Errc::malformed);
    return 0;
  }
  CHECK(request.size() == right.size());
  const ByteView batch[] = {right, request};
  const std::vector<Bytes> together = fuzzed.server->answer(batch);
  CHECK(together.size() == 2);
  CHECK(together[1] == fuzzed.server->answer({&batch[1], 1}).at(0));
  const uint64_t bytes = fuzzed.client->answer_bytes();
  CHECK(together[1].size() == bytes || (fuzzed.scheme->info().leakage.links_sessions && together[1].size() < bytes));
  return 0;
}
