#include "pir/lattice/crs.hpp"

#include <sodium.h>

#include "engine/core/codec.hpp"
#include "engine/core/sha256.hpp"

namespace cwtch::pir {

Crs::Crs(std::string_view server, std::string_view parameters) {
  CHECK(server.size() < 256);
  const auto length = static_cast<uint8_t>(server.size());
  Sha256 sha256;
  sha256.add(bytes_of("cwtch-pir-crs"));
  sha256.add({&length, 1});
  sha256.add(bytes_of(server));
  sha256.add(bytes_of(parameters));
  seed_ = sha256.finish();
}

void Crs::polynomial(ByteView domain, std::span<uint32_t, kernels::kDegree> slots) const {
  Sha256 sha256;
  sha256.add(seed_);
  sha256.add(domain);
  const ByteArray<32> key = sha256.finish();
  constexpr ByteArray<crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
  constexpr uint32_t kBlockBytes = 64;
  ByteArray<16 * kBlockBytes> stream;
  uint32_t counter = 0;  // of 64-byte blocks
  for (size_t drawn = 0; drawn < kernels::kDegree;) {
    stream = {};
    crypto_stream_chacha20_ietf_xor_ic(stream.data(), stream.data(), stream.size(), nonce.data(), counter, key.data());
    counter += stream.size() / kBlockBytes;
    for (size_t at = 0; at < stream.size() && drawn < kernels::kDegree; at += 4) {
      const auto word = load_le<uint32_t>(stream.data() + at);
      if (word < kernels::kQ) slots[drawn++] = word;
    }
  }
}

Bytes block_domain(uint64_t block) {
  Bytes domain(1 + 8);
  Writer out(domain);
  out.put<uint8_t>('b');
  out.put<uint64_t>(block);
  return domain;
}

Bytes range_domain(std::string_view use, ByteView range, uint64_t number) {
  Bytes domain(use.size() + range.size() + 8);
  Writer out(domain);
  out.put(bytes_of(use));
  out.put(range);
  out.put<uint64_t>(number);
  return domain;
}

}  // namespace cwtch::pir
