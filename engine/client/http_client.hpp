// HTTP/1.1 from the client's side, for answers of a server that nobody needs to trust.
//
// What it refuses: an answer whose end cannot be told from a cut (no length, not chunked), two lengths, any transfer
// coding but chunked, heads over 16 KiB or 64 fields, folded fields, bare line feeds, numbers that overflow, more than
// four interim answers. Redirections are answers like others: nobody is followed anywhere.
// Memory: 64 KiB for one connection, whatever the server sends.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/client/transport.hpp"

namespace cwtch::client {

struct HttpRequest {
  std::string_view method = "GET";
  std::string_view target;        // path and query
  std::string_view content_type;  // of the body; a request without one has no body
  ByteView body;
  std::string_view authorization = {};  // empty: none
};

struct HttpAnswer {
  int status = 0;
  std::optional<uint64_t> content_length;  // absent when chunked
  std::string content_type;                // media type only, lower case
  std::string etag;                        // without quotes
};

// What a refusal said (application/problem+json): printable text only, since it may end on a terminal.
struct HttpProblem {
  int status = 0;
  std::string type;    // what follows "urn:cwtch:problem:", or empty
  std::string detail;  // for people
};

struct HttpTraffic {
  uint64_t bytes_received = 0, bytes_sent = 0, requests = 0, connections = 0;
  uint64_t bytes() const { return bytes_received + bytes_sent; }
};

// One server, one connection at a time, kept alive between requests.
class HttpClient {
 public:
  HttpClient(Dialer& dialer, Endpoint endpoint);

  // Sends a request and reads the answer's head. What is left of the answer before is dropped with its connection. If a
  // kept connection turns out to be closed before any byte of the answer, the request is sent once more on a fresh one:
  // every request of the native API may be repeated.
  Result<HttpAnswer> request(const HttpRequest& request);

  // More of the answer's content: at least one byte, 0 at its end. closed if the connection ends before.
  Result<size_t> read(MutableBytes to);

  // The whole content; too_large beyond `bytes_max`.
  Result<Bytes> read_all(size_t bytes_max);

  // Reads the content of an answer that is no success and says what it was.
  HttpProblem read_problem(const HttpAnswer& answer);

  void disconnect();
  // From any thread: ends the request in progress and refuses later ones, with cancelled.
  void cancel();
  const HttpTraffic& traffic() const { return traffic_; }

 private:
  static constexpr size_t kBufferBytes = 64 * 1024;
  static constexpr size_t kHeadBytesMax = 16 * 1024;
  enum class Content : uint8_t { none, sized, chunked, failed };

  Status connect();
  Status send(const HttpRequest& request);
  Result<HttpAnswer> receive_head();
  Result<std::string_view> read_line(size_t bytes_max);
  Status parse_field(std::string_view line, HttpAnswer& answer, bool& chunked);
  Result<size_t> read_some(MutableBytes to);
  Status next_chunk();
  Status fill();

  Dialer& dialer_;
  const Endpoint endpoint_;
  HttpTraffic traffic_;

  std::mutex mutex_;  // guards transport_'s pointer against cancel()
  std::unique_ptr<Transport> transport_;
  std::atomic<bool> cancelled_{false};

  std::unique_ptr<uint8_t[]> buffer_;
  size_t begin_ = 0;  // received and not yet consumed: [begin_, end_)
  size_t end_ = 0;
  size_t head_bytes_ = 0;  // of the head being read
  Content content_ = Content::none;
  uint64_t left_ = 0;        // of the content, or of the chunk
  bool first_chunk_ = true;  // no line end is due before its size
  bool keep_alive_ = false;
};

}  // namespace cwtch::client
