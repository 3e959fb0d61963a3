#include "engine/http/documents.hpp"

#include <nlohmann/json.hpp>

#include "engine/http/request.hpp"

namespace cwtch::http {
namespace {

using Json = nlohmann::ordered_json;

// No limit is null, so that nobody reads "keeps 0 bytes".
Json limit(uint64_t value) { return value == 0 ? Json(nullptr) : Json(value); }

// For people, with indentation, or as small as it gets: polls fetch the lists every hour.
constexpr int kReadable = 2, kSmall = -1;
std::string dump(const Json& json, int indentation) {
  return json.dump(indentation, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::vector<SchemeEntry> schemes(bool leaky_modes) {
  return {
      {"full", "none",
       "nothing with the whole log; who continues from a public boundary shows roughly when it was here last", true},
      {"segments", "none", "which sealed segments a client still wanted, so roughly when it was here last", true},
      {"cursor", "none", "the record a client stopped at, which links its sessions to each other", leaky_modes},
  };
}

std::string to_json(const ServerDocument& document) {
  Json json;
  json["api"] = 1;
  json["server"] = {{"key", to_hex(document.server_key)}, {"host", document.host}};
  json["keys"] = {{"token_service", to_hex(document.token_key)}, {"api", to_hex(document.api_key)}};
  json["log"] = {{"first_retained", document.first_retained.value},
                 {"committed_end", document.committed_end.value},
                 {"chunk_bytes", document.chunk_bytes},
                 {"heartbeat_seconds", document.heartbeat_s}};
  json["index"] = {{"row_bytes", document.row_bytes}};
  json["seal"] = {{"records", document.seal_records}, {"records_at_full_hour", document.seal_records_hour_min}};
  json["retention"] = {{"bytes", limit(document.retain_bytes_max)},
                       {"records", limit(document.retain_records_max)},
                       {"days", limit(document.retain_days_max)}};
  json["limits"] = {{"head_bytes", kHeadBytesMax},
                    {"record_bytes_min", log::kRecordBytesMin},
                    {"record_bytes_max", log::kRecordBytesMax},
                    {"ciphertext_bytes_min", log::kCiphertextBytesMin},
                    {"ciphertext_bytes_max", log::kCiphertextBytesMax}};
  json["admission"] = {{"policy", document.admission}, {"queries", document.query_admission}};
  json["schemes"] = Json::array();
  for (const SchemeEntry& scheme : document.schemes) {
    json["schemes"].push_back(
        {{"name", scheme.name}, {"allowed", scheme.allowed}, {"trust", scheme.trust}, {"leakage", scheme.leakage}});
  }
  return dump(json, kReadable);
}

std::string to_json(const SegmentsDocument& document) {
  Json json;
  json["first_retained"] = document.first_retained.value;
  json["tail_first"] = document.tail_first.value;
  json["segments"] = Json::array();
  for (const SegmentEntry& segment : document.segments) {
    json["segments"].push_back({{"first", segment.first.value},
                                {"last", segment.last.value},
                                {"bytes", segment.file_bytes},
                                {"sha256", to_hex(segment.sha256)},
                                {"chain_before", segment.chain_before},
                                {"index_bytes", segment.index_bytes},
                                {"index_sha256", to_hex(segment.index_sha256)}});
  }
  return dump(json, kSmall);
}

namespace {

Json to_json(const DatabaseEntry& database) {
  Json statics = Json::array();
  for (const auto& blob : database.statics) {
    statics.push_back({{"sha256", to_hex(blob.sha256)}, {"bytes", blob.bytes}});
  }
  return {{"name", database.name},
          {"first_row", database.first_row},
          {"rows", database.rows},
          {"parts", database.parts},
          {"partition", database.partition},
          {"request_bytes", database.request_bytes},
          {"answer_bytes", database.answer_bytes},
          {"statics", std::move(statics)}};
}

}  // namespace

std::string to_json(const DatabasesDocument& document) {
  Json json;
  json["row_bytes"] = document.row_bytes;
  Json hours = Json::array();
  for (const WindowEntry& window : document.windows) {
    hours.push_back({{"hour", window.hour}, {"end_row", window.end_row}});
  }
  json["windows"] = {{"first_row", document.windows_first_row}, {"hours", std::move(hours)}};
  json["offers"] = Json::array();
  for (const OfferEntry& offer : document.offers) {
    Json databases = Json::array();
    for (const DatabaseEntry& database : offer.databases) databases.push_back(to_json(database));
    Json entry = {{"scheme", offer.scheme},
                  {"parameters", offer.parameters},
                  {"grid", {{"unit", offer.unit}, {"factor", offer.factor}, {"rows_max", offer.rows_max}}},
                  {"first_row", offer.first_row},
                  {"end_row", offer.end_row},
                  {"databases", std::move(databases)}};
    entry["hot"] = offer.hot ? to_json(*offer.hot) : Json(nullptr);
    entry["day"] = offer.day ? to_json(*offer.day) : Json(nullptr);
    json["offers"].push_back(std::move(entry));
  }
  return dump(json, kSmall);
}

}  // namespace cwtch::http
