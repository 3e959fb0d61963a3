#include "pir/ring32/ring32.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "engine/core/codec.hpp"
#include "kernels/pack.hpp"
#include "pir/lattice/bits.hpp"
#include "pir/lattice/constant_time.hpp"
#include "pir/lattice/hint.hpp"
#include "pir/lattice/matrix.hpp"
#include "pir/lattice/security.hpp"
#include "pir/lattice/switch.hpp"
#include "pir/ring32/packing.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kLanes;

const Lattice& kSet = kRing32;
constexpr size_t kKeyWords = 2 * kRing32.digits * kDegree;  // y, then y'
static_assert(kRing32.dropped_query_bits == 0, "queries are whole words");

size_t polynomials(const Geometry& geometry) { return (geometry.row_bytes + kDegree - 1) / kDegree; }
uint64_t request_bytes_of(const Geometry& geometry) { return (kKeyWords + geometry.rows) * sizeof(uint32_t); }
uint64_t part_answer_bytes(const Geometry& geometry) { return packed_bytes(geometry.row_bytes, kAnswerBits); }
uint64_t static_bytes(const Geometry& geometry) {
  return geometry.parts * polynomials(geometry) * packed_bytes(kDegree, kHintBits);
}

// What no other database shares, so that no reduction of one lattice serves two ranges.
Bytes range_of(const Geometry& geometry) {
  Bytes range(8 + 8 + 4 + 4 + 1);
  Writer out(range);
  out.put<uint64_t>(geometry.first_row);
  out.put<uint64_t>(geometry.rows);
  out.put<uint32_t>(geometry.row_bytes);
  out.put<uint32_t>(geometry.parts);
  out.put<uint8_t>(static_cast<uint8_t>(geometry.partition));
  return range;
}

// Blocks are the database's own: part `stretch` begins with its block 0.
DrawBlock range_blocks(const Crs& crs, const Geometry& geometry) {
  return [crs, range = range_of(geometry)](size_t part, uint64_t block, Polynomial slots) {
    crs.polynomial(range_domain("a", range, uint64_t{part} << 32 | block), slots);
  };
}

struct Part {
  kernels::TiledMatrix matrix;
  std::vector<Prepared> prepared;  // one per polynomial
};

// Makes the parts in their order. A hint is needed for what is prepared of it alone, and has 4 KiB per byte of a row:
// not all parts' at once. Those of eight parts are whole groups of eight packings, whatever the number of polynomials.
void make_parts(const Context& context, const Geometry& geometry, const RowSource& rows,
                const std::function<void(Part&&)>& take) {
  constexpr uint32_t kPartsTogether = 8;
  constexpr uint32_t degree_inverse = kernels::inverse(kDegree);
  const Crs crs(context.server, kSet.name);
  const DrawBlock draw = range_blocks(crs, geometry);
  const PackingKeys keys(kSet, crs, range_of(geometry));
  const size_t per_part = polynomials(geometry);
  for (uint32_t first = 0; first < geometry.parts; first += kPartsTogether) {
    std::vector<Part> parts;
    std::vector<Words> hints;
    for (uint32_t part = first; part < std::min(first + kPartsTogether, geometry.parts); ++part) {
      kernels::TiledMatrix matrix(geometry.row_bytes, geometry.part_rows(part));
      fill_columns(matrix, 0, matrix.width(), context.parallel,
                   [&](uint64_t index, MutableBytes to) { rows.read(geometry.row_at(part, index), to); });
      // The division by d that packing needs is done once per block instead of once per row.
      hints.push_back(structured_hint(
          matrix,
          [&](size_t, uint64_t block, Polynomial slots) {
            draw(part, block, slots);
            for (uint32_t& slot : slots) slot = kernels::mul(slot, degree_inverse);
          },
          context.parallel));
      parts.push_back({std::move(matrix), {}});
    }
    std::vector<PackingInput> inputs;
    for (const Words& hint : hints) {
      for (size_t p = 0; p < per_part; ++p) inputs.push_back({&hint, p * kDegree / kLanes});
    }
    auto prepared = prepare(kSet, keys, inputs, context.parallel);
    for (size_t i = 0; i < prepared.size(); ++i) parts[i / per_part].prepared.push_back(std::move(prepared[i]));
    for (Part& part : parts) take(std::move(part));
  }
}

// The public half of every packing, part after part.
class StaticWriter {
 public:
  explicit StaticWriter(const Geometry& geometry) : bytes_(static_bytes(geometry)) {}
  void add(const Part& part) {
    const uint64_t each = packed_bytes(kDegree, kHintBits);
    for (const Prepared& prepared : part.prepared) {
      Words a = prepared.a;
      for (uint32_t& word : a) word = switch_modulus(word, kHintBits);
      pack_bits(a, kHintBits, MutableBytes(bytes_).subspan(at_, each));
      at_ += each;
    }
  }
  Blob blob() && { return make_blob(std::move(bytes_)); }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

class Ring32Server final : public Server {
 public:
  Ring32Server(const Context& context, const Geometry& geometry, const RowSource& rows)
      : Server(geometry), parallel_(context.parallel) {
    StaticWriter statics(geometry);
    make_parts(context, geometry, rows, [&](Part&& part) {
      statics.add(part);
      parts_.push_back(std::move(part));
    });
    statics_->push_back(std::move(statics).blob());
  }

  size_t memory_bytes() const override {
    size_t bytes = 0;
    for (const Part& part : parts_) {
      bytes += part.matrix.bytes();
      for (const Prepared& prepared : part.prepared) bytes += prepared.memory.size();
    }
    return bytes;
  }

  Status check(ByteView request) const override {
    if (request.size() != request_bytes_of(geometry_)) return fail(Errc::malformed, "ring32: size of the query");
    uint32_t largest = 0;
    for (size_t at = 0; at < request.size(); at += 4) largest = std::max(largest, load_le<uint32_t>(&request[at]));
    if (largest >= kernels::kQ) return fail(Errc::malformed, "ring32: a number of the query is not below q");
    return {};
  }

  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    const size_t count = requests.size();
    const std::vector<Words> keys = keys_of(requests);
    std::vector<Bytes> answers(count, Bytes(geometry_.parts * part_answer_bytes(geometry_)));
    uint64_t first_word = kKeyWords;
    for (uint32_t p = 0; p < geometry_.parts; ++p) {
      const Part& part = parts_[p];
      const size_t width = part.matrix.width();
      Words queries(count * width), products(count * geometry_.row_bytes);
      for (size_t i = 0; i < count; ++i) {
        std::memcpy(&queries[i * width], &requests[i][first_word * sizeof(uint32_t)], width * sizeof(uint32_t));
      }
      first_word += width;
      multiply(part.matrix, queries, count, parallel_, products);
      pack(part, keys, products);
      for (size_t i = 0; i < count; ++i) {
        const std::span<uint32_t> product(&products[i * geometry_.row_bytes], geometry_.row_bytes);
        for (uint32_t& word : product) word = switch_modulus(word, kAnswerBits);
        pack_bits(product, kAnswerBits,
                  MutableBytes(answers[i]).subspan(p * part_answer_bytes(geometry_), part_answer_bytes(geometry_)));
      }
    }
    return answers;
  }

 private:
  // As kernels::pack reads them.
  std::vector<Words> keys_of(std::span<const ByteView> requests) const {
    const auto& orbit = kernels::orbit();
    std::vector<Words> keys;
    Words y(kKeyWords);
    for (const ByteView request : requests) {
      for (size_t i = 0; i < kKeyWords; ++i) {
        const size_t from = i / kDegree * kDegree + orbit.slot[i % kDegree];
        y[i] = load_le<uint32_t>(&request[from * sizeof(uint32_t)]);
      }
      keys.emplace_back(kernels::key_words(kSet.digits));
      kernels::pack_key(kSet.digits, y.data(), &y[kSet.digits * kDegree], keys.back().data());
    }
    return keys;
  }

  // products += what the keys make of the prepared words: b_fin.
  void pack(const Part& part, const std::vector<Words>& keys, Words& products) const {
    const auto& orbit = kernels::orbit();
    const size_t count = keys.size(), per_key = part.prepared.size();
    Words packed(count * per_key * kDegree);
    std::vector<const uint32_t*> in;
    for (const Words& key : keys) in.push_back(key.data());
    parallel_(per_key, [&](size_t p) {
      std::vector<uint32_t*> out;
      for (size_t i = 0; i < count; ++i) out.push_back(&packed[(i * per_key + p) * kDegree]);
      kernels::pack().pack(kSet.digits, part.prepared[p].words(), in.data(), count, out.data());
    });
    const size_t all = count * per_key;
    parallel_((all + kLanes - 1) / kLanes, [&](size_t task) {
      Words lanes(kernels::kLaneWords);
      const size_t first = task * kLanes, end = std::min(all, first + kLanes);
      for (size_t n = first; n < end; ++n) {
        for (size_t o = 0; o < kDegree; ++o) lanes[orbit.slot[o] * kLanes + n - first] = packed[n * kDegree + o];
      }
      kernels::ring().inverse(lanes.data());
      for (size_t n = first; n < end; ++n) {
        const size_t row = n % per_key * kDegree;
        uint32_t* const product = &products[n / per_key * geometry_.row_bytes + row];
        for (size_t k = 0; k < std::min(kDegree, geometry_.row_bytes - row); ++k) {
          product[k] = kernels::add(product[k], lanes[k * kLanes + n - first]);
        }
      }
    });
  }

  const Parallel parallel_;
  std::vector<Part> parts_;
};

struct Ring32Secret final : Secret {
  Ring32Secret(DecryptionKey&& from, std::span<const uint64_t> rows)
      : key(std::move(from)), wanted(rows.begin(), rows.end()) {
    sort_secrets(wanted);
  }
  DecryptionKey key;
  SecretNumbers wanted;
};

class Ring32Client final : public Client {
 public:
  Ring32Client(const Context& context, const Geometry& geometry, double sigma, Words a)
      : Client(geometry),
        crs_(context.server, kSet.name),
        keys_(kSet, crs_, range_of(geometry)),
        sigma_(sigma),
        a_(std::move(a)) {}

  uint64_t request_bytes() const override { return request_bytes_of(geometry_); }
  uint64_t answer_bytes() const override { return geometry_.parts * part_answer_bytes(geometry_); }

  Query query(std::span<const uint64_t> wanted, Random& random) const override {
    std::vector<Stretch> stretches;
    std::vector<uint64_t> first_word;
    uint64_t words_count = 0;
    for (uint32_t part = 0; part < geometry_.parts; ++part) {
      stretches.push_back({geometry_.part_rows(part), 0});
      first_word.push_back(words_count);
      words_count += stretches.back().columns;
    }
    // One per part; a word that does not exist where nothing is wanted, so that the work is the same.
    SecretNumbers selected(geometry_.parts, words_count);
    for (const uint64_t row : wanted) {
      const auto place = geometry_.place_of(row);
      for (uint32_t part = 0; part < geometry_.parts; ++part) {  // all, as the part is secret, too
        const uint64_t here = mask_if_equal(part, place.part);
        check_secret((here & ~mask_if_equal(selected[part], words_count)) == 0);
        selected[part] ^= (selected[part] ^ (first_word[part] + place.index)) & here;
      }
    }

    OneTimeKey secret(random, sigma_);
    Words words(kKeyWords + words_count);
    make_bodies(kSet, keys_, secret, words.data(), &words[kKeyWords / 2]);
    DecryptionKey key = std::move(secret).encrypt(stretches, range_blocks(crs_, geometry_), selected,
                                                  std::span(words).subspan(kKeyWords));
    Query query{Bytes(request_bytes()), std::make_unique<Ring32Secret>(std::move(key), wanted)};
    std::memcpy(query.request.data(), words.data(), query.request.size());
    return query;
  }

  // Everything is opened, wanted or not: the work says nothing.
  Result<SecretWords> open(const Ring32Secret& secret, ByteView answer) const {
    if (answer.size() != answer_bytes()) return fail(Errc::malformed, "ring32: size of the answer");
    const size_t per_part = polynomials(geometry_);
    SecretWords numbers(size_t{geometry_.parts} * geometry_.row_bytes), phi(kDegree);
    for (uint32_t part = 0; part < geometry_.parts; ++part) {
      Words b(per_part * kDegree);
      const auto unpacked =
          unpack_bits(answer.subspan(part * part_answer_bytes(geometry_), part_answer_bytes(geometry_)), kAnswerBits,
                      std::span(b).first(geometry_.row_bytes));
      if (!unpacked) return fail(unpacked.error());
      for (size_t p = 0; p < per_part; ++p) {
        secret.key.open_polynomial(&a_[(part * per_part + p) * kDegree], &b[p * kDegree], phi.data());
        const size_t row = p * kDegree;
        std::copy_n(phi.data(), std::min<size_t>(kDegree, geometry_.row_bytes - row),
                    &numbers[part * geometry_.row_bytes + row]);
      }
    }
    return numbers;
  }

  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    const auto& mine = static_cast<const Ring32Secret&>(*secret);
    const auto numbers = open(mine, answer);
    if (!numbers) return fail(numbers.error());
    std::vector<Row> rows;
    for (const uint64_t number : mine.wanted) {
      Row row{number, Bytes(geometry_.row_bytes)};
      const auto place = geometry_.place_of(number);
      for (uint32_t part = 0; part < geometry_.parts; ++part) {
        const auto here = static_cast<uint8_t>(mask_if_equal(part, place.part));
        const uint32_t* const phi = &(*numbers)[size_t{part} * geometry_.row_bytes];
        for (size_t r = 0; r < row.bytes.size(); ++r)
          row.bytes[r] = static_cast<uint8_t>(row.bytes[r] | (nearest_byte(phi[r]).byte & here));
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  const Crs crs_;
  const PackingKeys keys_;
  const double sigma_;
  const Words a_;  // of every part and polynomial
};

}  // namespace

const Info& Ring32::info() const {
  static const Info info{.name = "ring32",
                         .parameters = kSet.name,
                         .summary = "many rows by one query, statics of kilobytes: for what is new",
                         .classical_bits = kLwe1024ClassicalBits,
                         .quantum_bits = kLwe1024QuantumBits,
                         .security_model =
                             "LWE over a ring, n = 1024, keys that encrypt their own automorphisms: BDD "
                             "(MATZOV) classical, Core-SVP quantum"};
  return info;
}

Status Ring32::fits(const Geometry& geometry) const {
  uint64_t widest = 0;
  for (uint32_t part = 0; part < geometry.parts; ++part) widest = std::max(widest, geometry.part_rows(part));
  if (widest > columns_max(kSet)) return fail(Errc::unsupported, "ring32: more rows in a part than its noise allows");
  return {};
}

Cost Ring32::cost(const Geometry& geometry, uint32_t batch) const {
  const auto rows = static_cast<double>(geometry.rows), height = static_cast<double>(geometry.row_bytes);
  const double parts = geometry.parts, packings = parts * static_cast<double>(polynomials(geometry));
  const double blocks = parts * std::ceil(rows / parts / kDegree);
  const auto prepared = static_cast<double>(kernels::prepared_words(kSet.digits));
  Cost cost;
  cost.request_bytes = static_cast<double>(request_bytes_of(geometry));
  cost.answer_bytes = parts * static_cast<double>(part_answer_bytes(geometry));
  cost.statics_bytes = static_cast<double>(static_bytes(geometry));
  cost.rows_fetched = parts;
  cost.server_bytes = rows * height + packings * prepared * 4;
  // Per packing: a transform per column of slots, then digits + 1 for each of two chains of d / 2. A vector's lanes are
  // the chains of eight packings, which cost the same when there are fewer.
  const double chains = std::ceil(packings * 2 / kLanes) * kLanes / 2;
  cost.setup = {.copied = rows * height + packings * prepared * 4,
                .transforms = height * blocks + packings * kDegree + chains * kDegree * (kSet.digits + 1.0)};
  cost.answer = {.read_bytes = rows * height,
                 .macs = rows * height * batch,
                 .transforms = packings * batch,
                 .pack_reads = packings * prepared,
                 .pack_words = packings * prepared * batch};
  cost.client = {.transforms = 2 * blocks + 2 * kSet.digits + 1,
                 .word_macs = packings * kDegree * kDegree,
                 .samples = rows + kKeyWords + kDegree};
  return cost;
}

std::unique_ptr<Server> Ring32::serve(const Context& context, const Geometry& geometry, const RowSource& rows) const {
  return std::make_unique<Ring32Server>(context, geometry, rows);
}

std::vector<Blob> Ring32::statics(const Context& context, const Geometry& geometry, const RowSource& rows) const {
  StaticWriter statics(geometry);
  make_parts(context, geometry, rows, [&](const Part& part) { statics.add(part); });
  std::vector<Blob> blobs;
  blobs.push_back(std::move(statics).blob());
  return blobs;
}

Result<std::unique_ptr<Client>> Ring32::connect(const Context& context, const Geometry& geometry,
                                                std::span<const Blob> statics) const {
  if (statics.size() != 1 || statics[0].bytes.size() != static_bytes(geometry)) {
    return fail(Errc::malformed, "ring32: size of the static part");
  }
  const uint64_t each = packed_bytes(kDegree, kHintBits);
  Words a(geometry.parts * polynomials(geometry) * kDegree);
  for (size_t at = 0; at * kDegree < a.size(); ++at) {
    const auto unpacked = unpack_bits(ByteView(statics[0].bytes).subspan(at * each, each), kHintBits,
                                      std::span(a).subspan(at * kDegree, kDegree));
    if (!unpacked) return fail(unpacked.error());
  }
  return std::make_unique<Ring32Client>(context, geometry, sigma_, std::move(a));
}

Result<SecretWords> opened_numbers(const Client& client, const Secret& secret, ByteView answer) {
  return static_cast<const Ring32Client&>(client).open(static_cast<const Ring32Secret&>(secret), answer);
}

}  // namespace cwtch::pir
