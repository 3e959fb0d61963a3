#include "pir/simplepir/simplepir.hpp"

#include <algorithm>
#include <cmath>

#include "engine/core/check.hpp"
#include "pir/lattice/bits.hpp"
#include "pir/lattice/crs.hpp"
#include "pir/lattice/matrix.hpp"
#include "pir/lattice/security.hpp"
#include "pir/lattice/switch.hpp"

namespace cwtch::pir {
namespace {

using kernels::kDegree;
using kernels::kLanes;
using kernels::kLaneWords;

constexpr const Lattice& kSet = kSimplePir1;
constexpr uint32_t kQueryBits = 32 - 4;
static_assert(kSimplePir1.dropped_query_bits == 32 - kQueryBits);
constexpr uint32_t kQueryMax = (kernels::kQ - 1) >> 4;  // what rounding makes of the largest word
static_assert((kernels::kQ - 1) % 16 == 0, "no word rounds to more");

// To the nearest multiple of 16, from halfway to the even one. Always upwards would give the errors a mean of one half,
// and where most rows hold the same byte, as padding does, the means of all columns add up: from 2^17 columns on to
// more than decryption bears.
constexpr uint32_t round_word(uint32_t word) {
  return static_cast<uint32_t>((uint64_t{word} + 7 + (word >> kSet.dropped_query_bits & 1)) >> kSet.dropped_query_bits);
}
static_assert(round_word(8) == 0 && round_word(9) == 1 && round_word(24) == 2 && round_word(23) == 1);
static_assert(round_word(kernels::kQ - 1) == kQueryMax);

// Blocks are those of the log, so that hints of neighbours add up.
Stretch stretch_of(const Geometry& geometry) { return {geometry.rows, geometry.first_row % kDegree}; }
DrawBlock log_blocks(const Context& context, const Geometry& geometry) {
  return [crs = Crs(context.server, kSet.name), first = geometry.first_row / kDegree](
             size_t, uint64_t block, Polynomial slots) { crs.polynomial(block_domain(first + block), slots); };
}

uint64_t query_bytes(const Geometry& geometry) { return packed_bytes(geometry.rows, kQueryBits); }
uint64_t answer_bytes_of(const Geometry& geometry) { return packed_bytes(geometry.row_bytes, kAnswerBits); }
uint64_t hint_bytes(uint32_t row_bytes) { return row_bytes * packed_bytes(kDegree, kHintBits); }

Words hint_of(const Context& context, const Geometry& geometry, const kernels::TiledMatrix& matrix) {
  Words hint = structured_hint(matrix, log_blocks(context, geometry), context.parallel);
  hint_coefficients(hint, context.parallel);
  return hint;
}

// That of two neighbours together.
void add_hint(const Words& more, Words& hint) {
  for (size_t i = 0; i < hint.size(); ++i) hint[i] = kernels::add(hint[i], more[i]);
}

// Columns before the first row count as nothing, and make the matrix begin where a block does.
kernels::TiledMatrix matrix_of(const Context& context, const Geometry& geometry, const RowSource& rows) {
  const uint64_t skipped = stretch_of(geometry).skipped;
  kernels::TiledMatrix matrix(geometry.row_bytes, skipped + geometry.rows);
  fill_columns(matrix, skipped, geometry.rows, context.parallel,
               [&](uint64_t column, MutableBytes to) { rows.read(geometry.first_row + column, to); });
  return matrix;
}

Blob hint_blob(const Words& hint, uint32_t row_bytes) {
  const uint64_t row = packed_bytes(kDegree, kHintBits);
  Bytes bytes(hint_bytes(row_bytes));
  uint32_t switched[kDegree];
  for (size_t r = 0; r < row_bytes; ++r) {
    const uint32_t* const lanes = &hint[r / kLanes * kLaneWords + r % kLanes];
    for (size_t i = 0; i < kDegree; ++i) switched[i] = switch_modulus(lanes[i * kLanes], kHintBits);
    pack_bits(switched, kHintBits, MutableBytes(bytes).subspan(r * row, row));
  }
  return make_blob(std::move(bytes));
}

class SimplePirServer final : public Server {
 public:
  SimplePirServer(const Context& context, const Geometry& geometry, kernels::TiledMatrix matrix, Words hint)
      : Server(geometry), parallel_(context.parallel), matrix_(std::move(matrix)), hint_(std::move(hint)) {
    statics_->push_back(hint_blob(hint_, geometry.row_bytes));
  }

  size_t memory_bytes() const override { return matrix_.bytes() + hint_.size() * sizeof(uint32_t); }

  // There is one spelling of every query: all numbers below q, nothing behind the last.
  Status check(ByteView request) const override {
    if (request.size() != query_bytes(geometry_)) return fail(Errc::malformed, "simplepir: size of the query");
    const auto largest = largest_of_bits(request, kQueryBits, geometry_.rows);
    if (!largest) return fail(largest.error());
    if (*largest > kQueryMax) return fail(Errc::malformed, "simplepir: a number of the query is not below q");
    return {};
  }

  std::vector<Bytes> answer(std::span<const ByteView> requests) const override {
    const size_t skipped = stretch_of(geometry_).skipped;
    Words queries(requests.size() * matrix_.width());
    for (size_t i = 0; i < requests.size(); ++i) {
      const std::span<uint32_t> words(&queries[i * matrix_.width() + skipped], geometry_.rows);
      CHECK(unpack_bits(requests[i], kQueryBits, words));
      for (uint32_t& word : words) word <<= kSet.dropped_query_bits;
    }
    Words products(requests.size() * geometry_.row_bytes);
    multiply(matrix_, queries, requests.size(), parallel_, products);
    std::vector<Bytes> answers;
    for (size_t i = 0; i < requests.size(); ++i) {
      const std::span<uint32_t> product(&products[i * geometry_.row_bytes], geometry_.row_bytes);
      for (uint32_t& word : product) word = switch_modulus(word, kAnswerBits);
      answers.emplace_back(answer_bytes_of(geometry_));
      pack_bits(product, kAnswerBits, answers.back());
    }
    return answers;
  }

  const kernels::TiledMatrix& matrix() const { return matrix_; }
  const Words& hint() const { return hint_; }

 private:
  const Parallel parallel_;
  const kernels::TiledMatrix matrix_;
  const Words hint_;  // coefficients, in lanes, at full precision: sums are exact
};

struct SimplePirSecret final : Secret {
  SimplePirSecret(DecryptionKey&& from, std::span<const uint64_t> rows)
      : key(std::move(from)), wanted(rows.begin(), rows.end()) {}
  DecryptionKey key;
  SecretNumbers wanted;  // one, or none
};

class SimplePirClient final : public Client {
 public:
  SimplePirClient(const Context& context, const Geometry& geometry, double sigma, std::vector<uint32_t> hint)
      : Client(geometry), draw_(log_blocks(context, geometry)), sigma_(sigma), hint_(std::move(hint)) {}

  uint64_t request_bytes() const override { return query_bytes(geometry_); }
  uint64_t answer_bytes() const override { return answer_bytes_of(geometry_); }

  Query query(std::span<const uint64_t> wanted, Random& random) const override {
    CHECK(wanted.size() <= 1);
    // Nothing wanted: a column that does not exist, so that the work is the same.
    const SecretNumbers selected(1, wanted.empty() ? geometry_.rows : geometry_.place_of(wanted[0]).index);

    std::vector<uint32_t> words(geometry_.rows);
    const Stretch stretch = stretch_of(geometry_);
    DecryptionKey key = OneTimeKey(random, sigma_).encrypt({&stretch, 1}, draw_, selected, words);
    for (uint32_t& word : words) word = round_word(word);
    Query query{Bytes(request_bytes()), std::make_unique<SimplePirSecret>(std::move(key), wanted)};
    pack_bits(words, kQueryBits, query.request);
    return query;
  }

  // Also of a dummy: the work says nothing.
  Result<SecretWords> open(const SimplePirSecret& secret, ByteView answer) const {
    if (answer.size() != answer_bytes()) return fail(Errc::malformed, "simplepir: size of the answer");
    SecretWords numbers(geometry_.row_bytes);
    if (auto read = unpack_bits(answer, kAnswerBits, numbers); !read) return fail(read.error());
    for (size_t r = 0; r < numbers.size(); ++r) numbers[r] = secret.key.open_number(&hint_[r * kDegree], numbers[r]);
    return numbers;
  }

  Result<std::vector<Row>> recover(std::unique_ptr<Secret> secret, ByteView answer) const override {
    const auto& mine = static_cast<const SimplePirSecret&>(*secret);
    const auto numbers = open(mine, answer);
    if (!numbers) return fail(numbers.error());
    Bytes bytes(geometry_.row_bytes);
    for (size_t r = 0; r < numbers->size(); ++r) bytes[r] = nearest_byte((*numbers)[r]).byte;
    std::vector<Row> rows;
    for (const uint64_t number : mine.wanted) rows.push_back({number, std::move(bytes)});
    return rows;
  }

 private:
  const DrawBlock draw_;
  const double sigma_;
  const std::vector<uint32_t> hint_;  // row_bytes polynomials
};

}  // namespace

const Info& SimplePir::info() const {
  static const Info info{.name = "simplepir",
                         .parameters = kSet.name,
                         .summary = "the smallest answers once a hint is downloaded; hints of neighbours add up",
                         .classical_bits = kLwe1024ClassicalBits,
                         .quantum_bits = kLwe1024QuantumBits,
                         .security_model = "LWE over a ring, n = 1024: BDD (MATZOV) classical, Core-SVP quantum",
                         .merges = true,
                         .rows_min = 8192};  // a hint of 7.5 MiB stands for 24 MiB of rows at least
  return info;
}

Status SimplePir::fits(const Geometry& geometry) const {
  if (geometry.parts != 1) return fail(Errc::unsupported, "simplepir: a database has one part");
  if (geometry.rows > columns_max(kSet)) return fail(Errc::unsupported, "simplepir: more rows than its noise allows");
  return {};
}

Cost SimplePir::cost(const Geometry& geometry, uint32_t batch) const {
  const auto rows = static_cast<double>(geometry.rows), height = static_cast<double>(geometry.row_bytes);
  const double blocks = std::ceil(rows / kDegree) + 1;
  Cost cost;
  cost.request_bytes = static_cast<double>(query_bytes(geometry));
  cost.answer_bytes = static_cast<double>(answer_bytes_of(geometry));
  cost.statics_bytes = static_cast<double>(hint_bytes(geometry.row_bytes));
  cost.rows_fetched = 1;
  cost.server_bytes = rows * height + height * kDegree * 4;
  cost.setup = {.copied = rows * height, .transforms = height * (blocks + 1)};
  cost.answer = {.read_bytes = rows * height, .macs = rows * height * batch};
  cost.client = {.transforms = 2 * blocks + 1, .word_macs = height * kDegree, .samples = rows + kDegree};
  return cost;
}

std::unique_ptr<Server> SimplePir::serve(const Context& context, const Geometry& geometry,
                                         const RowSource& rows) const {
  kernels::TiledMatrix matrix = matrix_of(context, geometry, rows);
  Words hint = hint_of(context, geometry, matrix);
  return std::make_unique<SimplePirServer>(context, geometry, std::move(matrix), std::move(hint));
}

// A stretch of the rows in memory at a time.
std::vector<Blob> SimplePir::statics(const Context& context, const Geometry& geometry, const RowSource& rows) const {
  constexpr uint64_t kTogether = 8 * kDegree;
  RunningHint hint(context, geometry.row_bytes);
  for (Geometry stretch = geometry; stretch.first_row < geometry.end_row(); stretch.first_row = stretch.end_row()) {
    stretch.rows = std::min(kTogether - stretch.first_row % kTogether, geometry.end_row() - stretch.first_row);
    hint.add(stretch, rows);
  }
  std::vector<Blob> blobs;
  blobs.push_back(hint.blob());
  return blobs;
}

std::unique_ptr<Server> SimplePir::merge(const Context& context, std::span<const Server* const> parts) const {
  Geometry geometry = parts[0]->geometry();
  Words hint = static_cast<const SimplePirServer*>(parts[0])->hint();
  for (const Server* const part : parts.subspan(1)) {
    CHECK(part->geometry().first_row == geometry.end_row());
    geometry.rows += part->geometry().rows;
    add_hint(static_cast<const SimplePirServer*>(part)->hint(), hint);
  }
  const uint64_t skipped = stretch_of(geometry).skipped;
  kernels::TiledMatrix matrix(geometry.row_bytes, skipped + geometry.rows);
  for (const Server* const part : parts) {
    const Geometry& from = part->geometry();
    const kernels::TiledMatrix& columns = static_cast<const SimplePirServer*>(part)->matrix();
    // One part after the other: where they meet, two would set columns of one group of four.
    fill_columns(
        matrix, skipped + from.first_row - geometry.first_row, from.rows, context.parallel,
        [&](uint64_t column, MutableBytes to) { columns.column(stretch_of(from).skipped + column, to.data()); });
  }
  return std::make_unique<SimplePirServer>(context, geometry, std::move(matrix), std::move(hint));
}

Result<std::unique_ptr<Client>> SimplePir::connect(const Context& context, const Geometry& geometry,
                                                   std::span<const Blob> statics) const {
  if (statics.size() != 1 || statics[0].bytes.size() != hint_bytes(geometry.row_bytes)) {
    return fail(Errc::malformed, "simplepir: size of the hint");
  }
  const uint64_t row = packed_bytes(kDegree, kHintBits);
  std::vector<uint32_t> hint(size_t{geometry.row_bytes} * kDegree);
  for (size_t r = 0; r < geometry.row_bytes; ++r) {
    const auto unpacked = unpack_bits(ByteView(statics[0].bytes).subspan(r * row, row), kHintBits,
                                      std::span(hint).subspan(r * kDegree, kDegree));
    if (!unpacked) return fail(unpacked.error());
  }
  return std::make_unique<SimplePirClient>(context, geometry, sigma_, std::move(hint));
}

Result<SecretWords> SimplePir::opened_numbers(const Client& client, const Secret& secret, ByteView answer) {
  return static_cast<const SimplePirClient&>(client).open(static_cast<const SimplePirSecret&>(secret), answer);
}

RunningHint::RunningHint(const Context& context, uint32_t row_bytes)
    : context_(context), row_bytes_(row_bytes), sum_((row_bytes + kLanes - 1) / kLanes * kLaneWords) {}

void RunningHint::add(const Geometry& geometry, const RowSource& rows) {
  CHECK(geometry.row_bytes == row_bytes_ && (end_row_ == 0 || geometry.first_row == end_row_));
  add_hint(hint_of(context_, geometry, matrix_of(context_, geometry, rows)), sum_);
  end_row_ = geometry.end_row();
}

Blob RunningHint::blob() const { return hint_blob(sum_, row_bytes_); }

}  // namespace cwtch::pir
