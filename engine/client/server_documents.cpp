#include "engine/client/server_documents.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/client/json_text.hpp"
#include "engine/core/hostname.hpp"
#include "engine/log/format.hpp"
#include "engine/log/index_block.hpp"

namespace cwtch::client {
namespace {

using Json = nlohmann::json;

// nlohmann's accessors throw on surprises, and nothing here may: look first, then take.
const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::optional<uint64_t> number(const Json& json) {
  const auto* value = json.get_ptr<const Json::number_unsigned_t*>();
  return value == nullptr ? std::nullopt : std::optional<uint64_t>(*value);
}

std::string text(const Json& json) {
  const auto* value = json.get_ptr<const Json::string_t*>();
  return value == nullptr ? std::string() : *value;
}

std::optional<ByteArray<32>> sha256_of(const Json& json) {
  const Result<Bytes> bytes = from_hex(text(member(json, "sha256")));
  if (!bytes || bytes->size() != 32) return {};
  ByteArray<32> sha256;
  std::copy(bytes->begin(), bytes->end(), sha256.begin());
  return sha256;
}

Result<SealedSegment> segment(const Json& json) {
  const auto first = number(member(json, "first"));
  const auto last = number(member(json, "last"));
  const auto bytes = number(member(json, "bytes"));
  const auto chain = number(member(json, "chain_before"));
  const auto sha256 = sha256_of(json);
  if (!first || !last || !bytes || !chain || *chain > UINT32_MAX || !sha256) {
    return fail(Errc::malformed, "segment list: a segment's fields are missing");
  }
  return SealedSegment{*first, *last, *bytes, *sha256, static_cast<uint32_t>(*chain)};
}

}  // namespace

bool ServerFacts::allows(std::string_view scheme) const {
  return std::find(schemes.begin(), schemes.end(), scheme) != schemes.end();
}

Result<ServerFacts> parse_server(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  const Json& log = member(document, "log");
  const auto first_retained = number(member(log, "first_retained"));
  const auto committed_end = number(member(log, "committed_end"));
  if (number(member(document, "api")) != 1) {
    return fail(Errc::unsupported, "server document: not version 1 of the native API");
  }
  ServerFacts facts;
  facts.host = text(member(member(document, "server"), "host"));
  if (!key_of_hostname(facts.host)) return fail(Errc::malformed, "server document: its host is not a hostname");
  if (!first_retained || !committed_end || *first_retained > *committed_end) {
    return fail(Errc::malformed, "server document: the log's bounds are missing");
  }
  facts.first_retained = *first_retained;
  facts.committed_end = *committed_end;
  facts.query_admission = text(member(member(document, "admission"), "queries"));
  const Json& schemes = member(document, "schemes");
  if (!schemes.is_array()) return fail(Errc::malformed, "server document: schemes are missing");
  for (const Json& scheme : schemes) {
    const auto* allowed = member(scheme, "allowed").get_ptr<const Json::boolean_t*>();
    if (allowed != nullptr && *allowed) facts.schemes.push_back(text(member(scheme, "name")));
  }
  return facts;
}

Result<SegmentList> parse_segments(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  const auto first_retained = number(member(document, "first_retained"));
  const auto tail_first = number(member(document, "tail_first"));
  const Json& segments = member(document, "segments");
  if (!first_retained || !tail_first || !segments.is_array()) {
    return fail(Errc::malformed, "segment list: its fields are missing");
  }
  SegmentList list{*first_retained, *tail_first, {}};
  uint64_t next = list.first_retained;
  for (const Json& entry : segments) {
    Result<SealedSegment> parsed = segment(entry);
    if (!parsed) return fail(parsed.error());
    if (parsed->first != next || parsed->last < parsed->first || parsed->last >= list.tail_first) {
      return fail(Errc::malformed, "segment list: the segments do not follow each other");
    }
    if (parsed->bytes / log::kRecordBytesMin < parsed->last - parsed->first) {
      return fail(Errc::malformed, "segment list: a segment is smaller than its records");
    }
    next = parsed->last + 1;
    list.segments.push_back(std::move(*parsed));
  }
  if (next != list.tail_first) return fail(Errc::malformed, "segment list: the tail does not follow the segments");
  return list;
}

uint64_t SegmentList::boundary_at(uint64_t position) const {
  if (position >= tail_first) return tail_first;
  uint64_t boundary = first_retained;
  for (const SealedSegment& segment : segments) {
    if (segment.first <= position) boundary = segment.first;
  }
  return boundary;
}

namespace {

Result<DatabaseOffer> database_offer(const Json& json) {
  const auto request_bytes = number(member(json, "request_bytes"));
  const Json& statics = member(json, "statics");
  DatabaseOffer offer{text(member(json, "name")), request_bytes.value_or(0), {}};
  if (offer.name.empty() || !request_bytes || !statics.is_array()) {
    return fail(Errc::malformed, "list of databases: a database's fields are missing");
  }
  for (const Json& blob : statics) {
    const auto bytes = number(member(blob, "bytes"));
    const auto sha256 = sha256_of(blob);
    if (!bytes || !sha256) return fail(Errc::malformed, "list of databases: a blob's fields");
    offer.statics.push_back({*sha256, *bytes});
  }
  return offer;
}

// null: there is none.
Status poll_offer(const Json& json, std::optional<DatabaseOffer>& to) {
  if (json.is_null()) return {};
  Result<DatabaseOffer> offer = database_offer(json);
  if (!offer) return fail(offer.error());
  to = std::move(*offer);
  return {};
}

Result<pir::WindowList> window_list(const Json& json) {
  const auto first_row = number(member(json, "first_row"));
  const Json& hours = member(json, "hours");
  if (!first_row || !hours.is_array()) return fail(Errc::malformed, "list of databases: its windows' fields");
  pir::WindowList list{*first_row, {}};
  for (const Json& window : hours) {
    const auto hour = number(member(window, "hour")), end_row = number(member(window, "end_row"));
    if (!hour || *hour > UINT32_MAX || !end_row) return fail(Errc::malformed, "list of databases: a window's fields");
    list.windows.push_back({static_cast<uint32_t>(*hour), *end_row});
  }
  if (const Status checked = pir::check(list); !checked) return fail(checked.error());
  return list;
}

}  // namespace

Result<OfferList> parse_offers(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  const auto row_bytes = number(member(document, "row_bytes"));
  const Json& offers = member(document, "offers");
  if (!row_bytes || !offers.is_array()) return fail(Errc::malformed, "list of databases: its fields are missing");
  if (*row_bytes < log::kRowBytesMin || *row_bytes > log::kRowBytesMax) {
    return fail(Errc::malformed, "list of databases: no log has rows of this size");
  }
  Result<pir::WindowList> windows = window_list(member(document, "windows"));
  if (!windows) return fail(windows.error());
  OfferList list{static_cast<uint32_t>(*row_bytes), std::move(*windows), {}};
  for (const Json& entry : offers) {
    const auto first_row = number(member(entry, "first_row")), end_row = number(member(entry, "end_row"));
    const Json& databases = member(entry, "databases");
    const Json& grid = member(entry, "grid");
    const auto unit = number(member(grid, "unit")), factor = number(member(grid, "factor")),
               rows_max = number(member(grid, "rows_max"));
    if (!first_row || !end_row || !unit || !factor || !rows_max || !databases.is_array()) {
      return fail(Errc::malformed, "list of databases: a scheme's fields are missing");
    }
    SchemeOffer offer{text(member(entry, "scheme")),
                      text(member(entry, "parameters")),
                      *unit,
                      *factor,
                      *rows_max,
                      *first_row,
                      *end_row,
                      {},
                      {},
                      {}};
    // As many databases as it lists are all that the grid can have of them, but for what its borders cut.
    const bool sane = *first_row <= *end_row && *end_row <= kRowsEndMax && *unit > 0 && *unit <= *rows_max &&
                      *rows_max <= pir::kRowsMax && *factor > 1 && *factor <= kGridFactorMax &&
                      (*end_row - *first_row) / *rows_max <= databases.size();
    if (!sane) return fail(Errc::malformed, "list of databases: no grid has such rows");
    for (const Json& database : databases) {
      Result<DatabaseOffer> parsed = database_offer(database);
      if (!parsed) return fail(parsed.error());
      offer.databases.push_back(std::move(*parsed));
    }
    if (const Status parsed = poll_offer(member(entry, "hot"), offer.hot); !parsed) return fail(parsed.error());
    if (const Status parsed = poll_offer(member(entry, "day"), offer.day); !parsed) return fail(parsed.error());
    list.offers.push_back(std::move(offer));
  }
  return list;
}

Result<uint64_t> parse_posted(std::string_view json) {
  JsonField position{"position"};
  if (!read_object(json, {&position}) || position.kind != JsonField::Kind::number) {
    return fail(Errc::malformed, "post: the answer has no position");
  }
  return position.number;
}

}  // namespace cwtch::client
