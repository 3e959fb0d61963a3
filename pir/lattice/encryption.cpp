#include "pir/lattice/encryption.hpp"

#include <algorithm>

#include "engine/core/check.hpp"
#include "pir/lattice/constant_time.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kLanes;

constexpr uint32_t kHintMask = (1u << kHintBits) - 1;
constexpr uint32_t kByteShift = kHintBits - 8;

// sum += factor * x. Only where nothing overlaps do compilers use vectors.
void add_multiple(uint32_t* __restrict sum, uint32_t factor, const uint32_t* __restrict x) {
  for (size_t j = 0; j < kDegree; ++j) sum[j] += factor * x[j];
}

// Transforms of secrets leave them in the kernels' memory, which outlives any key: wiped when this goes.
struct ScratchWiper {
  ScratchWiper() = default;
  ScratchWiper(const ScratchWiper&) = delete;
  ScratchWiper& operator=(const ScratchWiper&) = delete;
  ~ScratchWiper() {
    const kernels::Memory left = kernels::ring().scratch();
    sodium_memzero(left.bytes, left.size);
  }
};

}  // namespace

DecryptionKey::DecryptionKey(SecretWords&& coefficients) : s_(std::move(coefficients)), embedded_(kDegree) {
  for (uint32_t& word : s_) word = static_cast<uint32_t>(kernels::centred(word));
  // const(a * s) = a_0 s_0 - sum over j > 0 of a_j s_(d-j), since X^d = -1.
  embedded_[0] = s_[0];
  for (size_t j = 1; j < kDegree; ++j) embedded_[j] = 0u - s_[kDegree - j];
}

void DecryptionKey::open_polynomial(const uint32_t* a, const uint32_t* b, uint32_t* phi) const {
  SecretWords sum(2 * kDegree);
  for (size_t i = 0; i < kDegree; ++i) add_multiple(&sum[i], a[i], s_.data());
  for (size_t k = 0; k < kDegree; ++k) {
    phi[k] = ((b[k] << (kHintBits - kAnswerBits)) + sum[k] - sum[kDegree + k]) & kHintMask;
  }
}

uint32_t DecryptionKey::open_number(const uint32_t* hint, uint32_t answer) const {
  uint32_t sum = answer << (kHintBits - kAnswerBits);
  for (size_t j = 0; j < kDegree; ++j) sum += hint[j] * embedded_[j];
  return sum & kHintMask;
}

Opened nearest_byte(uint32_t phi) {
  const uint32_t rounded = phi + (1u << (kByteShift - 1));
  const auto error = static_cast<int32_t>(rounded & ((1u << kByteShift) - 1)) - (1 << (kByteShift - 1));
  return {static_cast<uint8_t>(rounded >> kByteShift ^ 0x80), error};
}

OneTimeKey::OneTimeKey(Random& random, double sigma)
    : gaussian_(std::make_unique<Gaussian>(random, sigma)), s_(kDegree), slots_(kDegree), negated_slots_(kDegree) {
  const ScratchWiper wiper;
  gaussian_->sample(s_);
  SecretWords lanes(kernels::kLaneWords);
  for (size_t i = 0; i < kDegree; ++i) lanes[i * kLanes] = s_[i];
  kernels::ring().forward(lanes.data());
  for (size_t slot = 0; slot < kDegree; ++slot) {
    slots_[slot] = lanes[slot * kLanes];
    negated_slots_[slot] = kernels::negate(slots_[slot]);
  }
}

void OneTimeKey::bodies(std::span<const Body> bodies, uint32_t* out) {
  CHECK(gaussian_ != nullptr);
  CHECK(bodies.size() <= kLanes);
  const ScratchWiper wiper;
  const auto& ring = kernels::ring();
  SecretWords lanes(kernels::kLaneWords), error(kDegree), w(kernels::kLaneWords);
  for (size_t lane = 0; lane < bodies.size(); ++lane) {
    gaussian_->sample(error);
    for (size_t i = 0; i < kDegree; ++i) {
      lanes[i * kLanes + lane] = error[i];
      w[i * kLanes + lane] = bodies[lane].w[i];
    }
  }
  ring.forward(lanes.data());
  ring.multiply_add(lanes.data(), w.data(), negated_slots_.data(), negated_slots_.data());
  for (size_t lane = 0; lane < bodies.size(); ++lane) {
    const Body& body = bodies[lane];
    for (size_t slot = 0; slot < kDegree; ++slot) {
      out[lane * kDegree + slot] =
          kernels::add(lanes[slot * kLanes + lane], kernels::mul(body.factor, slots_[body.place[slot]]));
    }
  }
}

DecryptionKey OneTimeKey::encrypt(std::span<const Stretch> stretches, const DrawBlock& draw,
                                  std::span<const uint64_t> selected, std::span<uint32_t> words) && {
  CHECK(gaussian_ != nullptr);
  OneTimeKey key = std::move(*this);  // nothing is left behind for a second use; wiped when this returns
  const ScratchWiper wiper;
  struct Block {
    size_t stretch;
    uint64_t number;
    uint64_t word;        // of its first column, if that were in the query
    uint64_t first, end;  // words of the query that are in it
  };
  std::vector<Block> blocks;
  uint64_t columns = 0;
  for (size_t stretch = 0; stretch < stretches.size(); ++stretch) {
    const Stretch& of = stretches[stretch];
    for (uint64_t block = 0; block < of.blocks(); ++block) {
      const uint64_t word = columns + block * kDegree - of.skipped;  // may wrap below zero; first does not
      blocks.push_back(
          {stretch, block, word, block == 0 ? columns : word, std::min(columns + of.columns, word + kDegree)});
    }
    columns += of.columns;
  }
  CHECK(words.size() == columns);

  const auto& ring = kernels::ring();
  key.gaussian_->sample(words);
  SecretWords product(kernels::kLaneWords);
  Words a(kernels::kLaneWords), drawn(kDegree);
  for (size_t first = 0; first < blocks.size(); first += kLanes) {
    const size_t count = std::min(kLanes, blocks.size() - first);
    for (size_t lane = 0; lane < count; ++lane) {
      draw(blocks[first + lane].stretch, blocks[first + lane].number, Polynomial(drawn.data(), kDegree));
      for (size_t slot = 0; slot < kDegree; ++slot) a[slot * kLanes + lane] = drawn[slot];
    }
    std::fill(product.begin(), product.end(), 0);
    ring.multiply_add(product.data(), a.data(), key.negated_slots_.data(), key.negated_slots_.data());
    ring.inverse(product.data());
    for (size_t lane = 0; lane < count; ++lane) {
      const Block& block = blocks[first + lane];
      for (uint64_t word = block.first; word < block.end; ++word) {
        words[word] = kernels::add(words[word], product[(word - block.word) * kLanes + lane]);
      }
    }
  }
  // Every column looks at every selected number, so that no address depends on one.
  for (uint64_t column = 0; column < columns; ++column) {
    uint64_t here = 0;
    for (const uint64_t wanted : selected) here |= mask_if_equal(column, wanted);
    words[column] = kernels::add(words[column], kDelta & static_cast<uint32_t>(here));
  }
  return DecryptionKey(std::move(key.s_));
}

}  // namespace cwtch::pir
