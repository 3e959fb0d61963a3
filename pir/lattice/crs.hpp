// Public randomness, the same for a server and all its clients, received from nobody: expanded from the server's name
// and the parameter set's.
//
//   seed    = SHA-256("cwtch-pir-crs" ‖ len(server) u8 ‖ server ‖ parameters)
//   words   = ChaCha20 keystream under SHA-256(seed ‖ domain), nonce zero, as little-endian u32; those >= q are skipped
//
// A polynomial is drawn by its slots (kernels/ring.hpp), which are as uniform as its coefficients.
//
// Thread: any; pure. Nothing here is secret.
#pragma once

#include <span>
#include <string_view>

#include "engine/core/bytes.hpp"
#include "kernels/ring.hpp"

namespace cwtch::pir {

class Crs {
 public:
  Crs(std::string_view server, std::string_view parameters);

  // kDegree words, each < q.
  void polynomial(ByteView domain, std::span<uint32_t, kernels::kDegree> slots) const;

 private:
  ByteArray<32> seed_;
};

// Domains. A block is kDegree columns.
Bytes block_domain(uint64_t block);                                         // of the log: hints of neighbours add up
Bytes range_domain(std::string_view use, ByteView range, uint64_t number);  // of one database: `use` is "a", "w", "v"

}  // namespace cwtch::pir
