#include "engine/http/answer.hpp"

#include <charconv>
#include <cstring>

#include "engine/core/check.hpp"

namespace cwtch::http {
namespace {

constexpr std::string_view kProblemType = "urn:cwtch:problem:";

// Appends text to a buffer that is large enough by construction; CHECKs that it was.
class Text {
 public:
  explicit Text(MutableBytes to) : to_(to) {}
  Text& operator<<(std::string_view text) {
    CHECK(to_.size() - size_ >= text.size());
    if (!text.empty()) std::memcpy(to_.data() + size_, text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  Text& operator<<(uint64_t number) { return append_number(number, 10); }
  Text& hex(uint64_t number) { return append_number(number, 16); }
  Text& hex(ByteView bytes) {
    constexpr char kHex[] = "0123456789abcdef";
    for (const uint8_t byte : bytes) {
      const char pair[] = {kHex[byte >> 4], kHex[byte & 15]};
      *this << std::string_view(pair, 2);
    }
    return *this;
  }
  size_t size() const { return size_; }

 private:
  Text& append_number(uint64_t number, int base) {
    char digits[20];
    const auto result = std::to_chars(digits, digits + sizeof digits, number, base);
    return *this << std::string_view(digits, static_cast<size_t>(result.ptr - digits));
  }

  MutableBytes to_;
  size_t size_ = 0;
};

std::string_view reason(uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 206:
      return "Partial Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      check_failed("status has a reason phrase", __FILE__, __LINE__);
  }
}

void begin(Text& text, uint16_t status) { text << "HTTP/1.1 " << uint64_t{status} << " " << reason(status) << "\r\n"; }

// Records are opaque bytes from strangers: nosniff keeps a browser from taking one for a page.
void end(Text& text, Reuse reuse) {
  text << "X-Content-Type-Options: nosniff\r\n";
  if (!reuse.keep_alive) {
    text << "Connection: close\r\n";
  } else if (reuse.http_1_0) {
    text << "Connection: keep-alive\r\n";
  }
  text << "\r\n";
}

constexpr std::string_view kNoStore = "Cache-Control: no-store\r\n";

void content_fields(Text& text, std::string_view type, uint64_t bytes) {
  text << "Content-Type: " << type << "\r\nContent-Length: " << bytes << "\r\n";
}

size_t write_fresh_head(MutableBytes to, Reuse reuse, std::string_view type, uint64_t content_bytes) {
  Text text(to);
  begin(text, 200);
  content_fields(text, type, content_bytes);
  text << kNoStore;
  end(text, reuse);
  return text.size();
}

}  // namespace

size_t write_json_head(MutableBytes to, Reuse reuse, uint64_t content_bytes) {
  return write_fresh_head(to, reuse, "application/json", content_bytes);
}

size_t write_log_head(MutableBytes to, Reuse reuse, const LogAnswer& answer) {
  Text text(to);
  begin(text, 200);
  text << "Content-Type: application/octet-stream\r\n";
  if (answer.follow) {
    text << "Transfer-Encoding: chunked\r\n";
  } else {
    text << "Content-Length: " << answer.content_bytes << "\r\n";
  }
  text << "Cwtch-First: " << answer.first.value << "\r\nCwtch-End: " << answer.end.value << "\r\n" << kNoStore;
  end(text, reuse);
  return text.size();
}

size_t write_segment_head(MutableBytes to, Reuse reuse, const Selection& selection, uint64_t size,
                          const ByteArray<32>& sha256) {
  Text text(to);
  begin(text, selection.status);
  if (selection.status != 304) {
    text << "Content-Type: application/octet-stream\r\nContent-Length: " << selection.bytes << "\r\n";
  }
  if (selection.status == 206) {
    CHECK(selection.bytes > 0);
    text << "Content-Range: bytes " << selection.offset << "-" << selection.offset + selection.bytes - 1 << "/" << size
         << "\r\n";
  }
  text << "ETag: \"";
  text.hex(sha256) << "\"\r\nAccept-Ranges: bytes\r\nCache-Control: public, max-age=31536000, immutable\r\n";
  end(text, reuse);
  return text.size();
}

size_t write_blob_head(MutableBytes to, Reuse reuse, bool not_modified, uint64_t content_bytes,
                       const ByteArray<32>& sha256) {
  Text text(to);
  begin(text, not_modified ? 304 : 200);
  if (!not_modified) content_fields(text, "application/octet-stream", content_bytes);
  text << "ETag: \"";
  text.hex(sha256) << "\"\r\nCache-Control: public, max-age=31536000, immutable\r\n";
  end(text, reuse);
  return text.size();
}

size_t write_bytes_head(MutableBytes to, Reuse reuse, uint64_t content_bytes) {
  return write_fresh_head(to, reuse, "application/octet-stream", content_bytes);
}

size_t write_posted(MutableBytes to, Reuse reuse, log::Position position, bool repeated) {
  uint8_t content[48];
  Text json{MutableBytes(content)};
  json << "{\"position\":" << position.value << "}";
  Text text(to);
  begin(text, repeated ? 200 : 201);
  text << "Content-Type: application/json\r\nContent-Length: " << json.size() << "\r\n" << kNoStore;
  end(text, reuse);
  text << text_of(ByteView(content).first(json.size()));
  return text.size();
}

size_t write_problem(MutableBytes to, Reuse reuse, const Problem& problem, bool head_only) {
  const ProblemInfo& known = info(problem.type);
  // Titles and details are our own literals without quotes or backslashes, and `subject` has no such byte either:
  // nothing here needs escaping.
  uint8_t content[512];
  Text json{MutableBytes(content)};
  json << "{\"type\":\"" << kProblemType << known.name << "\",\"title\":\"" << known.title
       << "\",\"status\":" << uint64_t{known.status};
  const std::string_view subject = problem.subject;
  const std::string_view detail = problem.detail;
  CHECK(detail.find_first_of("\"\\") == detail.npos);
  if (!subject.empty() || !detail.empty()) {
    json << ",\"detail\":\"" << subject << (subject.empty() ? "" : ": ") << detail << "\"";
  }
  json << "}";

  Text text(to);
  begin(text, known.status);
  text << "Content-Type: application/problem+json\r\nContent-Length: " << json.size() << "\r\n" << kNoStore;
  if (!problem.allow.empty()) text << "Allow: " << problem.allow << "\r\n";
  if (problem.retry_after_s > 0) text << "Retry-After: " << uint64_t{problem.retry_after_s} << "\r\n";
  if (problem.type == ProblemType::range_not_satisfiable) {
    text << "Content-Range: bytes */" << problem.resource_bytes << "\r\n";
  }
  if (problem.close) reuse.keep_alive = false;
  end(text, reuse);
  if (!head_only) text << text_of(ByteView(content).first(json.size()));
  return text.size();
}

size_t write_chunk_head(MutableBytes to, uint64_t bytes) {
  CHECK(bytes > 0);
  Text text(to);
  text.hex(bytes) << "\r\n";
  return text.size();
}

}  // namespace cwtch::http
