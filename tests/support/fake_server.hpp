// A server of the native API in memory, for the client's tests: honest by default, and then whatever a test makes of
// its answers. Frames are the real ones; a segment's table and footer are junk, since no client looks at them.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/core/hostname.hpp"
#include "engine/log/frame.hpp"
#include "engine/log/index_block.hpp"
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
  // Everything up to the last whole chunk becomes one more segment.
  void seal() {
    const uint64_t end = records.size() / kChunkRecords * kChunkRecords;
    if (end == tail_first()) return;
    boundaries.push_back(end);
    sealed.push_back(end);
  }
  void merge_all() { boundaries = {boundaries.front(), boundaries.back()}; }
  // The first segment goes.
  void retire() { boundaries.erase(boundaries.begin()); }
  uint64_t tail_first() const { return boundaries.back(); }

  std::vector<Bytes> records;
  std::vector<uint64_t> boundaries = {0};  // first retained, then each segment's end
  std::vector<uint64_t> sealed = {0};      // each place where a segment began or ended, whatever became of it
  uint32_t row_bytes = log::kRowBytesDefault;
  bool leaky = false;
  bool read_only = false;
  std::vector<std::string> targets;  // of the requests, as they came
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
  // The blocks of the index from the boundary `from` on.
  std::string index(uint64_t from) const {
    std::string bytes;
    uint64_t row = 0;
    for (uint64_t p = 0; p < from; ++p) row += log::rows_of(records[p].size(), row_bytes);
    uint64_t first = from;
    do {
      const auto next = std::upper_bound(sealed.begin(), sealed.end(), first);
      const uint64_t end = next == sealed.end() ? records.size() : *next;
      log::IndexBlockBuilder block({first}, row, row_bytes);
      for (uint64_t p = first; p < end; ++p) block.add(records[p]);
      bytes += text_of(block.bytes());
      row += block.rows();
      first = end;
    } while (first < records.size());
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
    return {{"api", 1},
            {"server", {{"host", host_}}},
            {"log", {{"first_retained", boundaries.front()}, {"committed_end", records.size()}}},
            {"schemes",
             {{{"name", "full"}, {"allowed", true}},
              {{"name", "segments"}, {"allowed", true}},
              {{"name", "cursor"}, {"allowed", leaky}}}}};
  }
  nlohmann::json segment_list() const {
    nlohmann::json list = {
        {"first_retained", boundaries.front()}, {"tail_first", tail_first()}, {"segments", nlohmann::json::array()}};
    for (size_t i = 0; i + 1 < boundaries.size(); ++i) {
      const std::string file = segment_file(boundaries[i], boundaries[i + 1]);
      ByteArray<32> hash;
      EVP_Digest(file.data(), file.size(), hash.data(), nullptr, EVP_sha256(), nullptr);
      list["segments"].push_back({{"first", boundaries[i]},
                                  {"last", boundaries[i + 1] - 1},
                                  {"bytes", file.size()},
                                  {"sha256", to_hex(hash)},
                                  {"chain_before", chain_before(boundaries[i])}});
    }
    return list;
  }

 private:
  void append_filler(std::string& bytes, uint64_t next) const {
    Bytes filler(log::kBlockBytes);
    bytes += text_of(ByteView(filler).first(log::write_filler(filler, {next}, 4096)));
  }
  uint32_t chain_before(uint64_t position) const {
    Bytes frame(log::kRecordFrameBytesMax);
    uint32_t chain = 0;
    for (uint64_t p = 0; p < position; ++p) log::write_record(frame, {p}, records[p], &chain);
    return chain;
  }

  std::string answer(const std::string& target, const std::string& content) {
    if (target == "/v1/server") return ok(server_document().dump());
    if (target == "/v1/segments") return ok(segment_list().dump());
    if (target == "/v1/records") return post(content);
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
      return ok(index(from));
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

  const std::string host_;
  bool following_ = false;
  std::string live_;
};

}  // namespace cwtch::test
