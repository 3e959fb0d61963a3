// The list of databases from a server that lies about every number: what is read of it is bounded, and so is all that a
// client computes from it before anything is checked against the scheme.
#include <nlohmann/json.hpp>

#include "engine/client/choice.hpp"
#include "engine/core/check.hpp"
#include "pir/grid.hpp"

using namespace cwtch;

namespace {

// Numbers from the input, small or near a border more often than not; zeros behind its end.
class Numbers {
 public:
  explicit Numbers(ByteView bytes) : bytes_(bytes) {}
  uint64_t next() {
    const uint64_t kind = byte() % 5;
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    switch (kind) {
      case 0:
        return value;
      case 1:
        return value % 100'000;
      case 2:
        return UINT64_MAX - value % 100'000;
      case 3:
        return (uint64_t{1} << value % 64) + byte() - 128;
      default:
        return value % 64 * 1024;
    }
  }
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t first = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return first;
  }

 private:
  ByteView bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Numbers numbers({data, size});
  nlohmann::json databases = nlohmann::json::array(), hours = nlohmann::json::array(), offers = nlohmann::json::array();
  for (int i = numbers.byte() % 40; i > 0; --i) {
    const nlohmann::json blob = {{"sha256", std::string(64, 'a')}, {"bytes", numbers.next()}};
    databases.push_back(
        {{"name", "0-1024-1c"}, {"request_bytes", numbers.next()}, {"statics", nlohmann::json::array({blob})}});
  }
  for (int i = numbers.byte() % 50; i > 0; --i)
    hours.push_back({{"hour", numbers.next()}, {"end_row", numbers.next()}});
  for (const std::string scheme : {"simplepir", "ring32"}) {
    const bool honest = numbers.byte() % 2 == 0;
    const uint64_t unit = honest ? (scheme == "ring32" ? 1024 : 8192) : numbers.next();
    offers.push_back({{"scheme", scheme},
                      {"parameters", scheme + "-v1"},
                      {"grid", {{"unit", unit}, {"factor", honest ? 8 : numbers.next()}, {"rows_max", numbers.next()}}},
                      {"first_row", numbers.next()},
                      {"end_row", numbers.next()},
                      {"databases", databases},
                      {"hot", nullptr},
                      {"day", nullptr}});
  }
  const nlohmann::json document = {
      {"row_bytes", 3072}, {"windows", {{"first_row", numbers.next()}, {"hours", hours}}}, {"offers", offers}};
  const auto list = client::parse_offers(document.dump());
  if (!list) return 0;
  const client::ServerFacts facts{.host = "h",
                                  .committed_end = numbers.next(),
                                  .schemes = {"full", "simplepir", "ring32"},
                                  .query_admission = "open"};
  const client::SegmentList segments{.first_retained = numbers.next(), .tail_first = numbers.next()};
  const auto ways =
      client::ways_to_fetch(facts, *list, segments, client::FreeOfCharge(), numbers.next(), 1u + numbers.byte());
  CHECK(!ways.empty());
  for (const client::Way& way : ways) CHECK(way.bytes >= 0);
  for (const client::SchemeOffer& offer : list->offers) {
    const pir::Grid grid{.unit = offer.unit, .factor = offer.factor, .rows_max = offer.rows_max};
    uint64_t end = offer.first_row;
    for (const auto& stretch : grid.cover(offer.first_row, offer.end_row)) {
      CHECK(stretch.first_row >= end && stretch.rows <= offer.rows_max);
      end = stretch.first_row + stretch.rows;
    }
    CHECK(end <= offer.end_row);
  }
  (void)pir::hot_database(list->windows, 3072);
  (void)pir::day_database(list->windows, 3072);
  return 0;
}
