#include "engine/client/http_client.hpp"

#include <algorithm>
#include <charconv>

#include "engine/client/json_text.hpp"
#include "engine/core/check.hpp"

namespace cwtch::client {
namespace {

constexpr size_t kFieldsMax = 64;
constexpr int kInterimMax = 4;
constexpr size_t kChunkLineBytesMax = 256;
constexpr size_t kProblemBytesMax = 16 * 1024;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool token_character(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

template <class Int>
bool parse_number(std::string_view text, Int& value, int base = 10) {
  if (text.empty() || text[0] == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

std::string printable(std::string_view text, size_t size_max) {
  std::string result(text.substr(0, size_max));
  for (char& c : result) c = c >= 0x20 && c < 0x7F ? c : '?';
  return result;
}

}  // namespace

HttpClient::HttpClient(Dialer& dialer, Endpoint endpoint)
    : dialer_(dialer),
      endpoint_(std::move(endpoint)),
      buffer_(std::make_unique_for_overwrite<uint8_t[]>(kBufferBytes)) {}

Status HttpClient::connect() {
  Result<std::unique_ptr<Transport>> dialled = dialer_.dial(endpoint_);
  if (!dialled) return fail(dialled.error());
  const std::lock_guard lock(mutex_);
  if (cancelled_) return fail(Errc::cancelled, "request: cancelled");
  transport_ = std::move(*dialled);
  begin_ = end_ = 0;
  ++traffic_.connections;
  return {};
}

void HttpClient::disconnect() {
  const std::lock_guard lock(mutex_);
  transport_.reset();
  begin_ = end_ = 0;
  content_ = Content::none;
}

void HttpClient::cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (transport_) transport_->cancel();
}

Result<HttpAnswer> HttpClient::request(const HttpRequest& request) {
  if (cancelled_) return fail(Errc::cancelled, "request: cancelled");
  if (content_ != Content::none || !keep_alive_ || begin_ != end_) disconnect();
  const bool reused = transport_ != nullptr;
  for (bool again = reused;; again = false) {
    if (!transport_) {
      if (const Status connected = connect(); !connected) return fail(connected.error());
    }
    ++traffic_.requests;
    head_bytes_ = begin_ = end_ = 0;
    const Status sent = send(request);
    Result<HttpAnswer> answer = sent ? receive_head() : Result<HttpAnswer>(fail(sent.error()));
    if (answer) return answer;
    // The server may close an idle connection at any moment; its RST can even overtake our request.
    const bool stale = answer.error().code == Errc::closed && head_bytes_ == 0 && end_ == 0;
    disconnect();
    if (!again || !stale) return answer;
  }
}

Status HttpClient::send(const HttpRequest& request) {
  std::string head(request.method);
  head.append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ").append(endpoint_.authority).append("\r\n");
  if (!request.authorization.empty()) head.append("Authorization: ").append(request.authorization).append("\r\n");
  if (!request.content_type.empty()) {
    head.append("Content-Type: ").append(request.content_type);
    head.append("\r\nContent-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  }
  head += "\r\n";
  // One write, so that head and body leave in one packet where they fit.
  Bytes bytes(head.size() + request.body.size());
  std::memcpy(bytes.data(), head.data(), head.size());
  if (!request.body.empty()) std::memcpy(bytes.data() + head.size(), request.body.data(), request.body.size());
  traffic_.bytes_sent += bytes.size();
  return transport_->write(bytes);
}

// Moves what is unread to the front and receives more behind it. REQUIRES: room.
Status HttpClient::fill() {
  std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  CHECK(end_ < kBufferBytes);
  const Result<size_t> size = transport_->read({buffer_.get() + end_, kBufferBytes - end_});
  if (!size) return fail(size.error());
  if (*size == 0) return fail(Errc::closed, "answer: the server closed the connection");
  end_ += *size;
  traffic_.bytes_received += *size;
  return {};
}

// The next line without its CR LF; valid until the next call.
Result<std::string_view> HttpClient::read_line(size_t bytes_max) {
  size_t searched = 0;
  while (true) {
    const std::string_view unread(reinterpret_cast<const char*>(buffer_.get()) + begin_, end_ - begin_);
    const size_t feed = unread.find('\n', searched);
    if (feed != std::string_view::npos && feed < bytes_max) {
      if (feed == 0 || unread[feed - 1] != '\r') return fail(Errc::malformed, "answer: a line does not end in CR LF");
      begin_ += feed + 1;
      const std::string_view line = unread.substr(0, feed - 1);
      if (line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos) {
        return fail(Errc::malformed, "answer: control characters in its head");
      }
      return line;
    }
    if (unread.size() >= bytes_max) return fail(Errc::too_large, "answer: its head is too large");
    searched = unread.size();
    if (const Status filled = fill(); !filled) return fail(filled.error());
  }
}

Result<HttpAnswer> HttpClient::receive_head() {
  for (int interim = 0; interim <= kInterimMax; ++interim) {
    const auto next_line = [&]() -> Result<std::string_view> {
      Result<std::string_view> line = read_line(kHeadBytesMax - std::min(head_bytes_, kHeadBytesMax));
      if (line) head_bytes_ += line->size() + 2;
      return line;
    };
    const Result<std::string_view> status_line = next_line();
    if (!status_line) return fail(status_line.error());
    HttpAnswer answer;
    keep_alive_ = status_line->starts_with("HTTP/1.1 ");
    if ((!keep_alive_ && !status_line->starts_with("HTTP/1.0 ")) || status_line->size() < 12 ||
        !parse_number(status_line->substr(9, 3), answer.status) || answer.status < 100 || answer.status > 599 ||
        (status_line->size() > 12 && (*status_line)[12] != ' ')) {
      return fail(Errc::malformed, "answer: not HTTP/1.1");
    }

    bool chunked = false;
    size_t fields = 0;
    while (true) {
      const Result<std::string_view> line = next_line();
      if (!line) return fail(line.error());
      if (line->empty()) break;
      if (++fields > kFieldsMax) return fail(Errc::too_large, "answer: its head has too many fields");
      if (const Status parsed = parse_field(*line, answer, chunked); !parsed) return fail(parsed.error());
    }
    if (answer.status == 101) return fail(Errc::malformed, "answer: switches protocols unasked");
    if (answer.status < 200) continue;

    if (chunked && answer.content_length) return fail(Errc::malformed, "answer: has two lengths");
    if (answer.status == 204 || answer.status == 304) {
      content_ = Content::none;
    } else if (chunked) {
      content_ = Content::chunked;
      left_ = 0;
      first_chunk_ = true;
    } else if (answer.content_length) {
      left_ = *answer.content_length;
      content_ = left_ > 0 ? Content::sized : Content::none;
    } else {
      return fail(Errc::malformed, "answer: does not say how long it is");
    }
    return answer;
  }
  return fail(Errc::malformed, "answer: too many interim answers");
}

Status HttpClient::parse_field(std::string_view line, HttpAnswer& answer, bool& chunked) {
  const size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos ||
      !std::all_of(line.begin(), line.begin() + static_cast<ptrdiff_t>(colon), token_character)) {
    return fail(Errc::malformed, "answer: a field has no name");
  }
  const std::string name = lower(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-length") {
    uint64_t length = 0;
    if (answer.content_length || !parse_number(value, length)) {
      return fail(Errc::malformed, "answer: Content-Length is not one number");
    }
    answer.content_length = length;
  } else if (name == "transfer-encoding") {
    if (chunked || lower(value) != "chunked") return fail(Errc::malformed, "answer: unknown transfer coding");
    chunked = true;
  } else if (name == "content-type") {
    answer.content_type = lower(trimmed(value.substr(0, value.find(';'))));
  } else if (name == "etag") {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      answer.etag = value.substr(1, value.size() - 2);
  } else if (name == "connection") {
    if (lower(value).find("close") != std::string::npos) keep_alive_ = false;
  } else if (name == "content-encoding") {
    return fail(Errc::malformed, "answer: has a content coding that nobody asked for");
  }
  return {};
}

Result<size_t> HttpClient::read_some(MutableBytes to) {
  if (begin_ < end_) {
    const size_t size = std::min(to.size(), end_ - begin_);
    std::memcpy(to.data(), buffer_.get() + begin_, size);
    begin_ += size;
    return size;
  }
  const Result<size_t> size = transport_->read(to);
  if (!size) return size;
  if (*size == 0) return fail(Errc::closed, "answer: cut short by the server");
  traffic_.bytes_received += *size;
  return size;
}

// Reads the size of the next chunk into left_; the last one ends the content.
Status HttpClient::next_chunk() {
  if (!first_chunk_) {
    const Result<std::string_view> line = read_line(2);
    if (!line) return fail(line.error());
  }
  first_chunk_ = false;
  const Result<std::string_view> line = read_line(kChunkLineBytesMax);
  if (!line) return fail(line.error());
  const std::string_view digits = trimmed(line->substr(0, line->find(';')));
  if (digits.size() > 16 || !parse_number(digits, left_, 16)) {
    return fail(Errc::malformed, "answer: a chunk's size is not a number");
  }
  if (left_ > 0) return {};
  for (size_t fields = 0; fields <= kFieldsMax; ++fields) {  // trailers say nothing to us
    const Result<std::string_view> trailer = read_line(kChunkLineBytesMax);
    if (!trailer) return fail(trailer.error());
    if (trailer->empty()) {
      content_ = Content::none;
      return {};
    }
  }
  return fail(Errc::too_large, "answer: too many trailers");
}

Result<size_t> HttpClient::read(MutableBytes to) {
  CHECK(!to.empty());
  if (content_ == Content::none) return size_t{0};
  if (content_ == Content::failed || !transport_) return fail(Errc::closed, "answer: cut short by the server");
  if (content_ == Content::chunked && left_ == 0) {
    if (const Status next = next_chunk(); !next) {
      content_ = Content::failed;
      return fail(next.error());
    }
    if (content_ == Content::none) return size_t{0};
  }
  const Result<size_t> size = read_some(to.first(static_cast<size_t>(std::min<uint64_t>(to.size(), left_))));
  if (!size) {
    content_ = Content::failed;
    return size;
  }
  left_ -= *size;
  if (content_ == Content::sized && left_ == 0) content_ = Content::none;
  return size;
}

Result<Bytes> HttpClient::read_all(size_t bytes_max) {
  Bytes content;
  ByteArray<4096> piece;
  while (true) {
    const Result<size_t> size = read(piece);
    if (!size) return fail(size.error());
    if (*size == 0) return content;
    if (content.size() + *size > bytes_max) {
      disconnect();
      return fail(Errc::too_large, "answer: larger than it can be");
    }
    content.insert(content.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(*size));
  }
}

HttpProblem HttpClient::read_problem(const HttpAnswer& answer) {
  HttpProblem problem{answer.status, {}, {}};
  const Result<Bytes> content = read_all(kProblemBytesMax);
  if (!content) return problem;
  JsonField type{"type"}, title{"title"}, detail{"detail"};
  if (!read_object(text_of(*content), {&type, &title, &detail})) return problem;
  constexpr std::string_view kPrefix = "urn:cwtch:problem:";
  if (type.text.starts_with(kPrefix)) problem.type = printable(type.text.substr(kPrefix.size()), 64);
  problem.detail = printable(detail.text.empty() ? title.text : detail.text, 300);
  return problem;
}

}  // namespace cwtch::client
