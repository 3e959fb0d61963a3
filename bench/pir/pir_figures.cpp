#include <algorithm>

#include "bench/pir/figures.hpp"
#include "engine/core/check.hpp"
#include "engine/core/random.hpp"
#include "kernels/pack.hpp"
#include "kernels/scan.hpp"
#include "pir/registry.hpp"
#include "pir/ring32/packing.hpp"

namespace cwtch::bench {
namespace {

using kernels::kDegree;
using kernels::kLanes;

constexpr pir::Geometry kGeometry{.rows = kRows, .row_bytes = kRowBytes};
constexpr size_t kPolynomials = (kRowBytes + kDegree - 1) / kDegree;
constexpr size_t kBatch = 16;
const pir::Context kContext{.server = "bench"};

// Random bytes, different in every row.
class Rows final : public pir::RowSource {
 public:
  void read(uint64_t row, MutableBytes to) const override { SeededRandom(row).fill(to); }
};

// A server of one scheme over the whole database, and requests to it.
struct Served {
  std::unique_ptr<pir::Server> server;
  std::vector<Bytes> requests;

  explicit Served(const char* name) {
    const pir::Scheme& scheme = *pir::find_scheme(name);
    const Rows rows;
    server = scheme.serve(kContext, kGeometry, rows);
    const auto client = scheme.connect(kContext, kGeometry, server->statics());
    CHECK(client);
    SeededRandom random(1);
    for (size_t i = 0; i < kBatch; ++i) {
      const uint64_t wanted = random.below(kRows);
      pir::Query query = (*client)->query({&wanted, 1}, random);
      requests.push_back(std::move(query.request));
      if (i == 0) check_answer(**client, std::move(query.secret), rows);
    }
  }
  std::vector<Bytes> answer(size_t count) const {
    return server->answer(std::vector<ByteView>(requests.begin(), requests.begin() + static_cast<ptrdiff_t>(count)));
  }

 private:
  void check_answer(const pir::Client& client, std::unique_ptr<pir::Secret> secret, const Rows& rows) const {
    const auto fetched = client.recover(std::move(secret), answer(1)[0]);
    CHECK(fetched && fetched->size() == 1);
    Bytes truth(kRowBytes);
    rows.read(fetched->front().number, truth);
    CHECK(equal_vartime(fetched->front().bytes, truth));
  }
};

// Packing by itself: what is prepared from a hint of random numbers, which costs what any costs.
struct Packing {
  static constexpr size_t kKeyWords = kernels::key_words(pir::kRing32.digits);
  static constexpr size_t kAtOnceMax = 8;  // polynomials that prepare() takes together

  const pir::PackingKeys keys{pir::kRing32, pir::Crs("bench", pir::kRing32.name), {}};
  const pir::Words hint = some_residues(kPolynomials * kDegree * kDegree, 3);
  const pir::Words key = some_residues(kKeyWords, 3);
  const std::vector<pir::Prepared> prepared =
      prepare(kPolynomials);  // more than the last-level cache of one core holds
  pir::Words out = pir::Words(kDegree);

  std::vector<pir::Prepared> prepare(size_t count) const {
    std::vector<pir::PackingInput> inputs;
    for (size_t i = 0; i < count; ++i) inputs.push_back({&hint, i % kPolynomials * kDegree / kLanes});
    return pir::prepare(pir::kRing32, keys, inputs, pir::run_serially);
  }
  void pack_all() {
    const uint32_t* const in = key.data();
    uint32_t* const to = out.data();
    for (const pir::Prepared& one : prepared) kernels::pack().pack(pir::kRing32.digits, one.words(), &in, 1, &to);
  }
};

}  // namespace

PirFigures pir_figures(std::vector<std::shared_ptr<void>>& keep) {
  PirFigures result;
  const auto add = [&](const std::string& name, size_t per, bool slow, std::function<void()> work) {
    result.figures.push_back(
        milliseconds(name, static_cast<double>(per), slow, [work = std::move(work)] { return cpu_seconds(work); }));
  };
  const auto packing = std::make_shared<Packing>();
  keep.push_back(packing);
  result.packings = kPolynomials;
  result.prepared_bytes = static_cast<double>(packing->prepared[0].memory.size());
  add("ring32.pack", kPolynomials, false, [packing] { packing->pack_all(); });
  for (const size_t count : {size_t{1}, kPolynomials, Packing::kAtOnceMax}) {
    add("ring32.prepare." + std::to_string(count), count, true, [packing, count] { packing->prepare(count); });
  }
  for (const std::string name : {"simplepir", "ring32"}) {
    const auto served = std::make_shared<Served>(name.c_str());
    keep.push_back(served);
    if (name == "ring32") {
      const kernels::TiledMatrix rows(kRowBytes, kRows);
      result.prepared_bytes_per_part = static_cast<double>(served->server->memory_bytes() - rows.bytes());
    }
    add(name + ".record", 1, false, [served] { served->answer(1); });
    add(name + ".record_batch16", kBatch, true, [served] { served->answer(kBatch); });
  }
  return result;
}

}  // namespace cwtch::bench
