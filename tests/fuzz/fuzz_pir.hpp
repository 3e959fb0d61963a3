// Small databases of every scheme, made once, for fuzzers of both halves.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/core/check.hpp"
#include "pir/registry.hpp"
#include "tests/support/pir_rows.hpp"

namespace cwtch::test {

struct FuzzedScheme {
  const pir::Scheme* scheme;
  pir::Geometry geometry;
  std::unique_ptr<const pir::Server> server;
  std::unique_ptr<const pir::Client> client;
  Bytes request;  // for nothing
};

inline const pir::Context kFuzzContext{.server = "fuzz"};

inline const std::vector<FuzzedScheme>& fuzzed_schemes() {
  static const std::vector<FuzzedScheme> all = [] {
    std::vector<FuzzedScheme> made;
    for (const pir::Scheme* scheme : pir::schemes()) {
      pir::Geometry geometry{1022, 5, 513, 2, pir::Partition::interleaved};
      if (!scheme->fits(geometry)) geometry.parts = 1;
      CHECK(pir::check(geometry) && scheme->fits(geometry));
      auto server = scheme->serve(kFuzzContext, geometry, RandomRows(geometry, 1));
      auto client = scheme->connect(kFuzzContext, geometry, server->statics());
      CHECK(client);
      SeededRandom random(1);
      Bytes request = (*client)->query({}, random).request;
      made.push_back({scheme, geometry, std::move(server), std::move(*client), std::move(request)});
    }
    return made;
  }();
  return all;
}

// `right` with `data` written over it from a place of the data's choosing, or `data` alone: bytes that are mostly right
// reach further than bytes that never are. The first byte decides.
inline Bytes mutated(const Bytes& right, ByteView data) {
  if (data.empty()) return right;
  const uint8_t how = data[0];
  data = data.subspan(1);
  if (how == 0) return Bytes(data.begin(), data.end());
  Bytes bytes = right;
  if (how % 4 == 1) bytes.resize(right.size() + how / 4);
  if (how % 4 == 2) bytes.resize(right.size() - std::min<size_t>(right.size(), how / 4));
  const size_t at = bytes.size() * how / 256;
  std::copy_n(data.begin(), std::min(data.size(), bytes.size() - at), bytes.begin() + static_cast<ptrdiff_t>(at));
  return bytes;
}

}  // namespace cwtch::test
