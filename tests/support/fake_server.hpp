// A server of the native API in memory, for the client's tests: honest by default, and then whatever a test makes of
// its answers. Frames are the real ones; a segment's table and footer are junk, since no client looks at them.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "engine/core/hostname.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"
#include "engine/log/rows.hpp"
#include "pir/grid.hpp"
#include "pir/registry.hpp"
#include "pir/windows.hpp"
#include "tests/support/scripted_transport.hpp"

namespace cwtch::test {

class FakeServer {
 public:
  static constexpr uint64_t kChunkRecords = 8;

  explicit FakeServer(std::string host) : host_(std::move(host)) {}

  // ---- the log ----
  uint64_t add(Bytes record) {
    records.push_back(std::move(record));
    return records.size() - 1;
  }
  // Everything up to the last whole chunk becomes one more segment, of the hour `hour`.
  void seal() {
    const uint64_t end = records.size() / kChunkRecords * kChunkRecords;
    if (end == tail_first()) return;
    boundaries.push_back(end);
    sealed.push_back(end);
    hours[end] = hour;
  }
  uint32_t hour = 490'000;
  std::map<uint64_t, uint32_t> hours;  // of what was sealed, by its end
  void merge_all() { boundaries = {boundaries.front(), boundaries.back()}; }
  // The first segment goes.
  void retire() { boundaries.erase(boundaries.begin()); }
  uint64_t tail_first() const { return boundaries.back(); }
  // Rows of the records before `position`.
  uint64_t row_of(uint64_t position) const { return rows_upto(position)[position]; }
  // The test changes no record once it is in the log, and no segment once it is sealed: what is known of them is kept,
  // which a log of weeks needs.
  bool append_only = false;
  // What is no longer retained takes no room any more. REQUIRES: append_only
  void forget_retired() {
    rows_upto(boundaries.front());
    chain_before(boundaries.front());
    for (; forgotten_ < boundaries.front(); ++forgotten_) records[forgotten_] = Bytes();
  }

  // ---- private retrieval ----
  // Databases of this scheme, on the public grid over what is sealed, and of polls; instead of those that it had.
  void offer(const std::string& name) {
    Offer offer{pir::find_scheme(name), {}, 0, 0, {}, {}, {}};
    offer.grid.unit = offer.scheme->info().rows_min;
    std::vector<pir::Grid::Stretch> stretches;
    if (history) stretches = offer.grid.cover(row_of(boundaries.front()), row_of(tail_first()));
    if (!stretches.empty()) {
      offer.first_row = stretches.front().first_row;
      offer.end_row = stretches.back().first_row + stretches.back().rows;
    }
    const SealedRows rows(*this);
    if (polls) serve_polls(offer, rows);
    for (const pir::Grid::Stretch& stretch : stretches) {
      const pir::Geometry geometry{.first_row = stretch.first_row, .rows = stretch.rows, .row_bytes = row_bytes};
      offer.databases.push_back(offer.scheme->serve({.server = host_}, geometry, rows));
    }
    offers.insert_or_assign(name, std::move(offer));
  }
  // Of this scheme only the databases of polls; one that stays the same is kept.
  void offer_polls(const std::string& name) {
    Offer& offer = offers.try_emplace(name, Offer{pir::find_scheme(name), {}, 0, 0, {}, {}, {}}).first->second;
    serve_polls(offer, SealedRows(*this));
  }
  struct Offer {
    const pir::Scheme* scheme;
    pir::Grid grid;
    uint64_t first_row, end_row;
    std::vector<std::unique_ptr<pir::Server>> databases;
    std::unique_ptr<pir::Server> hot, day;
    std::vector<const pir::Server*> all() const {
      std::vector<const pir::Server*> servers{hot.get(), day.get()};
      for (const auto& database : databases) servers.push_back(database.get());
      std::erase(servers, nullptr);
      return servers;
    }
  };
  // Whole windows: what was sealed before `hour`.
  pir::WindowList windows() const {
    pir::WindowList list{row_of(boundaries.front()), {}};
    for (const auto& [end, of] : hours) {
      if (of == hour || end <= boundaries.front()) continue;
      if (list.windows.empty() || list.windows.back().hour != of) list.windows.push_back({of, 0});
      list.windows.back().end_row = row_of(end);
    }
    while (list.windows.size() > pir::kWindowsMax) {
      list.first_row = list.windows.front().end_row;
      list.windows.erase(list.windows.begin());
    }
    return list;
  }
  std::map<std::string, Offer> offers;
  bool polls = true, history = true;  // which databases offer() makes
  // What the next databases hold in the place of the records at these positions: of as many rows.
  std::map<uint64_t, Bytes> false_rows;

  std::vector<Bytes> records;
  std::vector<uint64_t> boundaries = {0};  // first retained, then each segment's end
  std::vector<uint64_t> sealed = {0};      // each place where a segment began or ended, whatever became of it
  uint32_t row_bytes = log::kRowBytesDefault;
  bool leaky = false;
  std::string query_admission = "open";
  bool read_only = false;
  std::vector<std::string> targets;  // of the requests, as they came
  // All that whoever watches the server sees of a request whose content is encrypted, in the order of their coming.
  struct Request {
    std::string method, target, head;
    size_t bytes;       // with its head
    size_t connection;  // its number
    friend bool operator==(const Request&, const Request&) = default;
    friend void PrintTo(const Request& request, std::ostream* out) {
      *out << request.method << ' ' << request.target << " of " << request.bytes << " bytes on connection "
           << request.connection;
    }
  };
  std::vector<Request> requests;
  std::vector<Bytes> posted;

  // Called with each target and the honest answer (head and content) before it is sent.
  std::function<void(const std::string& target, std::string& answer)> tamper;
  // After this many more bytes the connection closes, once.
  size_t cut_after = SIZE_MAX;

  // ---- its answers ----
  std::string serve(ScriptedDialer::Connection& connection) {
    if (connection.written.empty()) return following_ ? std::exchange(live_, {}) : std::string();
    const size_t head = connection.written.find("\r\n\r\n");
    if (head == std::string::npos) return {};
    const size_t length_at = connection.written.find("Content-Length: ");
    const size_t body = length_at < head ? std::stoul(connection.written.substr(length_at + 16)) : 0;
    if (connection.written.size() < head + 4 + body) return {};
    const std::string content = connection.written.substr(head + 4, body);
    const size_t space = connection.written.find(' ');
    const std::string target =
        connection.written.substr(space + 1, connection.written.find(' ', space + 1) - space - 1);
    requests.push_back({connection.written.substr(0, space), target, connection.written.substr(0, head),
                        connection.written.size(), connection.number});
    connection.written.clear();
    targets.push_back(target);
    std::string answer = this->answer(target, content);
    if (tamper) tamper(target, answer);
    if (answer.size() > cut_after) {
      answer.resize(cut_after);
      connection.closed = true;
      cut_after = SIZE_MAX;
    } else if (cut_after != SIZE_MAX) {
      cut_after -= answer.size();
    }
    return answer;
  }
  ScriptedDialer dialer(size_t piece = SIZE_MAX) {
    return ScriptedDialer([this](ScriptedDialer::Connection& c) { return serve(c); }, piece);
  }

  // The frames of the records [from, to).
  std::string frames(uint64_t from, uint64_t to) const {
    std::string bytes;
    Bytes frame(log::kRecordFrameBytesMax);
    uint32_t chain = chain_before(from);
    for (uint64_t p = from; p < to; ++p) {
      if (p % kChunkRecords == 0) {
        if (p > from) append_filler(bytes, p);
        bytes += text_of(ByteView(frame).first(log::write_anchor(frame, {p}, chain)));
      }
      bytes += text_of(ByteView(frame).first(log::write_record(frame, {p}, records[p], &chain)));
    }
    return bytes;
  }
  // The blocks of the index from the boundary `from` on; up to the tail, if only what is sealed is asked for.
  std::string index(uint64_t from, bool only_sealed = false) const {
    const uint64_t upto = only_sealed ? std::max(from, tail_first()) : records.size();
    std::string bytes;
    uint64_t row = row_of(from);
    uint64_t first = from;
    do {
      const auto next = std::upper_bound(sealed.begin(), sealed.end(), first);
      const uint64_t end = next == sealed.end() ? upto : std::min(upto, *next);
      const auto sealed_in = hours.find(end);
      log::IndexBlockBuilder block({first}, row, row_bytes, sealed_in == hours.end() ? 0 : sealed_in->second);
      for (uint64_t p = first; p < end; ++p) block.add(records[p]);
      bytes += text_of(block.bytes());
      row += block.rows();
      first = end;
    } while (first < upto);
    return bytes;
  }
  std::string segment_file(uint64_t first, uint64_t end) const {
    std::string file = frames(first, end);
    append_filler(file, end);
    return file + std::string(log::kBlockBytes, '\x5A');
  }
  static std::string ok(const std::string& content) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(content.size()) + "\r\n\r\n" + content;
  }
  static std::string problem(int status, const std::string& type) {
    const std::string content = R"({"type":"urn:cwtch:problem:)" + type + R"(","title":"x"})";
    return "HTTP/1.1 " + std::to_string(status) +
           " No\r\nContent-Type: application/problem+json\r\nContent-Length: " + std::to_string(content.size()) +
           "\r\n\r\n" + content;
  }
  static std::string chunk(const std::string& bytes) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
  }
  // What a follower gets next.
  void send_live(const std::string& bytes) { live_ += bytes; }

  nlohmann::json server_document() const {
    nlohmann::json document = {{"api", 1},
                               {"server", {{"host", host_}}},
                               {"log", {{"first_retained", boundaries.front()}, {"committed_end", records.size()}}},
                               {"admission", {{"policy", "open"}, {"queries", query_admission}}},
                               {"schemes",
                                {{{"name", "full"}, {"allowed", true}},
                                 {{"name", "segments"}, {"allowed", true}},
                                 {{"name", "cursor"}, {"allowed", leaky}}}}};
    for (const auto& offer : offers) document["schemes"].push_back({{"name", offer.first}, {"allowed", true}});
    return document;
  }
  nlohmann::json database_list() const {
    const pir::WindowList all = windows();
    nlohmann::json hours_list = nlohmann::json::array();
    for (const pir::Window& window : all.windows)
      hours_list.push_back({{"hour", window.hour}, {"end_row", window.end_row}});
    nlohmann::json list = {{"row_bytes", row_bytes},
                           {"windows", {{"first_row", all.first_row}, {"hours", hours_list}}},
                           {"offers", nlohmann::json::array()}};
    for (const auto& [name, offer] : offers) {
      const auto entry = [&offer = offer](const std::unique_ptr<pir::Server>& database) -> nlohmann::json {
        if (database == nullptr) return nullptr;
        nlohmann::json statics = nlohmann::json::array();
        for (const pir::Blob& blob : database->statics())
          statics.push_back({{"sha256", to_hex(blob.sha256)}, {"bytes", blob.bytes.size()}});
        const auto cost = offer.scheme->cost(database->geometry(), 1);
        return {{"name", pir::name_of(database->geometry())},
                {"request_bytes", static_cast<uint64_t>(cost.request_bytes)},
                {"statics", statics}};
      };
      nlohmann::json databases = nlohmann::json::array();
      for (const auto& database : offer.databases) databases.push_back(entry(database));
      const pir::Grid& grid = offer.grid;
      list["offers"].push_back({{"scheme", name},
                                {"parameters", offer.scheme->info().parameters},
                                {"grid", {{"unit", grid.unit}, {"factor", grid.factor}, {"rows_max", grid.rows_max}}},
                                {"first_row", offer.first_row},
                                {"end_row", offer.end_row},
                                {"databases", databases},
                                {"hot", entry(offer.hot)},
                                {"day", entry(offer.day)}});
    }
    return list;
  }
  nlohmann::json segment_list() const {
    nlohmann::json list = {
        {"first_retained", boundaries.front()}, {"tail_first", tail_first()}, {"segments", nlohmann::json::array()}};
    for (size_t i = 0; i + 1 < boundaries.size(); ++i) {
      nlohmann::json& segment = known_.segments[{boundaries[i], boundaries[i + 1]}];
      if (segment.is_null() || !append_only) segment = segment_entry(boundaries[i], boundaries[i + 1]);
      list["segments"].push_back(segment);
    }
    return list;
  }

 private:
  nlohmann::json segment_entry(uint64_t first, uint64_t end) const {
    const std::string file = segment_file(first, end);
    ByteArray<32> hash;
    EVP_Digest(file.data(), file.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
    return {{"first", first},
            {"last", end - 1},
            {"bytes", file.size()},
            {"sha256", to_hex(hash)},
            {"chain_before", chain_before(first)}};
  }

  class SealedRows final : public pir::RowSource {
   public:
    explicit SealedRows(const FakeServer& server)
        : server_(server), rows_before_(server.rows_upto(server.tail_first())) {}
    void read(uint64_t row, MutableBytes to) const override {
      const auto behind = std::upper_bound(rows_before_.begin(), rows_before_.end(), row);
      const auto position = static_cast<uint64_t>(behind - rows_before_.begin()) - 1;
      const auto instead = server_.false_rows.find(position);
      const Bytes& record = instead == server_.false_rows.end() ? server_.records[position] : instead->second;
      Bytes rows(size_t{log::rows_of(record.size(), server_.row_bytes)} * server_.row_bytes);
      log::encode_rows(record, server_.row_bytes, rows);
      const uint64_t first = (row - rows_before_[position]) * server_.row_bytes;
      std::copy_n(rows.begin() + static_cast<ptrdiff_t>(first), server_.row_bytes, to.begin());
    }

   private:
    const FakeServer& server_;
    const std::vector<uint64_t> rows_before_;
  };

  void serve_polls(Offer& offer, const SealedRows& rows) const {
    const auto serve = [&](std::unique_ptr<pir::Server>& database, const std::optional<pir::Geometry>& geometry) {
      if (!geometry || !offer.scheme->fits(*geometry)) return database.reset();
      if (database == nullptr || database->geometry() != *geometry)
        database = offer.scheme->serve({.server = host_}, *geometry, rows);
    };
    const pir::WindowList list = windows();
    serve(offer.hot, pir::hot_database(list, row_bytes));
    serve(offer.day, pir::day_database(list, row_bytes));
  }

  // Rows before each position up to this one.
  const std::vector<uint64_t>& rows_upto(uint64_t position) const {
    std::vector<uint64_t>& rows = known_.rows;
    if (!append_only) rows = {0};
    while (rows.size() <= position)
      rows.push_back(rows.back() + log::rows_of(records[rows.size() - 1].size(), row_bytes));
    return rows;
  }

  std::string blob(const std::string& hash) const {
    for (const auto& offer : offers)
      for (const pir::Server* const database : offer.second.all())
        for (const pir::Blob& blob : database->statics())
          if (to_hex(blob.sha256) == hash) return ok(std::string(text_of(blob.bytes)));
    return problem(404, "not-found");
  }
  // `path`: SCHEME/NAME
  std::string query(const std::string& path, const std::string& content) const {
    const size_t slash = path.find('/');
    const auto offer = offers.find(path.substr(0, slash));
    if (offer == offers.end()) return problem(404, "not-found");
    for (const pir::Server* const database : offer->second.all()) {
      if (pir::name_of(database->geometry()) != path.substr(slash + 1)) continue;
      const ByteView request = bytes_of(content);
      if (!database->check(request)) return problem(422, "malformed-query");
      return ok(std::string(text_of(database->answer({&request, 1}).at(0))));
    }
    return problem(404, "not-found");
  }

  void append_filler(std::string& bytes, uint64_t next) const {
    Bytes filler(log::kBlockBytes);
    bytes += text_of(ByteView(filler).first(log::write_filler(filler, {next}, 4096)));
  }
  uint32_t chain_before(uint64_t position) const {
    std::vector<uint32_t>& chains = known_.chains;
    if (!append_only) chains = {0};
    Bytes frame(log::kRecordFrameBytesMax);
    while (chains.size() <= position) {
      const uint64_t p = chains.size() - 1;
      uint32_t chain = chains.back();
      log::write_record(frame, {p}, records[p], &chain);
      chains.push_back(chain);
    }
    return chains[position];
  }

  std::string answer(const std::string& target, const std::string& content) {
    if (target == "/v1/server") return ok(server_document().dump());
    if (target == "/v1/segments") return ok(segment_list().dump());
    if (target == "/v1/records") return post(content);
    if (target == "/v1/shards") return ok(database_list().dump());
    if (target.starts_with("/v1/blobs/")) return blob(target.substr(10));
    if (target.starts_with("/v1/pir/")) return query(target.substr(8), content);
    if (target.starts_with("/v1/segments/")) {
      const uint64_t first = std::stoull(target.substr(13));
      const uint64_t last = std::stoull(target.substr(target.find('-') + 1));
      const auto at = std::find(boundaries.begin(), boundaries.end(), first);
      if (at == boundaries.end() || at + 1 == boundaries.end() || at[1] != last + 1) return problem(404, "not-found");
      return ok(segment_file(first, last + 1));
    }
    if (target.starts_with("/v1/index?from=")) {
      const uint64_t from = std::stoull(target.substr(15));
      if (from < boundaries.front()) return problem(410, "gone");
      if (std::find(sealed.begin(), sealed.end(), from) == sealed.end() && from != records.size())
        return problem(403, "position-not-served");
      return ok(index(from, target.ends_with("&sealed")));
    }
    return log(target);
  }

  std::string log(const std::string& target) {
    const uint64_t from = std::stoull(target.substr(target.find("from=") + 5));
    const size_t to_at = target.find("to=");
    const uint64_t to = to_at == std::string::npos ? records.size() : std::stoull(target.substr(to_at + 3));
    if (from < boundaries.front()) return problem(410, "gone");
    if (from > records.size()) return problem(404, "no-such-position");
    // A chunk's border stands for what was a boundary once.
    if (from % kChunkRecords != 0 && from != records.size() && !leaky) return problem(403, "position-not-served");
    if (!target.ends_with("&follow=1")) return ok(frames(from, to));
    following_ = true;
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
           (from < to ? chunk(frames(from, to)) : std::string());
  }

  std::string post(const std::string& content) {
    if (read_only) return problem(503, "read-only");
    Bytes record(content.begin(), content.end());
    posted.push_back(record);
    auto at = std::find(records.begin(), records.end(), record);
    if (at == records.end()) at = records.insert(records.end(), std::move(record));
    return ok("{\"position\":" + std::to_string(at - records.begin()) + "}");
  }

  struct Known {
    std::vector<uint64_t> rows = {0};                                  // before each position
    std::vector<uint32_t> chains = {0};                                // likewise
    std::map<std::pair<uint64_t, uint64_t>, nlohmann::json> segments;  // as they are listed, by their ends
  };

  std::string host_;
  mutable Known known_;
  uint64_t forgotten_ = 0;
  bool following_ = false;
  std::string live_;
};

}  // namespace cwtch::test
