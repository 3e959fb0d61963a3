// Prints the inputs that must be refused, one JSON object per line, for tests in other languages.
#include <cstdio>

#include "engine/core/bytes.hpp"
#include "tests/unit/http_refused_requests.hpp"

int main() {
  for (const cwtch::test::RefusedRequest& bad : cwtch::test::refused_requests()) {
    std::printf("{\"name\": \"%s\", \"bytes\": \"%s\", \"status\": %d, \"closes\": %s}\n", bad.name,
                cwtch::to_hex(cwtch::bytes_of(bad.bytes)).c_str(), bad.status, bad.closes ? "true" : "false");
  }
  return 0;
}
