#include "engine/http/head.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <charconv>

#include "engine/core/check.hpp"

// Boost was built to throw; without exceptions it calls these, which nothing on Beast's parsing path does.
namespace boost {
void throw_exception(const std::exception&) { ::cwtch::check_failed("boost::throw_exception", __FILE__, __LINE__); }
void throw_exception(const std::exception&, const source_location&) {
  ::cwtch::check_failed("boost::throw_exception", __FILE__, __LINE__);
}
}  // namespace boost

namespace cwtch::http {
namespace {

namespace beast = boost::beast;
using beast::http::field;
using Text = beast::string_view;
using ErrorCode = beast::error_code;

std::string_view view(Text text) { return {text.data(), text.size()}; }

bool digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

// name, name:port, 1.2.3.4, [::1]:port. Nothing else can name this server.
bool host_ok(std::string_view host) {
  if (host.empty() || host.size() > 255) return false;
  size_t name_end = 0;
  if (host.front() == '[') {
    name_end = host.find(']');
    if (name_end == host.npos ||
        host.substr(1, name_end - 1).find_first_not_of("0123456789abcdefABCDEF:.") != host.npos)
      return false;
    ++name_end;
  } else {
    name_end = std::min(host.find(':'), host.size());
    constexpr std::string_view kName = "-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (name_end == 0 || host.substr(0, name_end).find_first_not_of(kName) != host.npos) return false;
  }
  const std::string_view port = host.substr(name_end);
  return port.empty() || (port.front() == ':' && port.size() <= 6 && digits(port.substr(1)));
}

// Plain decimal without sign, spaces, leading zeros or a list: what no two parsers read differently.
bool length_of(std::string_view text, uint64_t& length) {
  if (!digits(text) || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc() && end == text.data() + text.size();
}

class HeadParser final : public beast::http::basic_parser<true> {
 public:
  HeadParser(Head& head, Problem& problem) : head_(head), problem_(problem) {
    skip(true);  // the content is RequestParser's
    header_limit(kHeadBytesMax + 1);
  }

  bool parse(std::string_view bytes) {
    head_ = Head{};
    ErrorCode error;
    const size_t used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    if (refused_) return false;
    if (error) return refuse(detail_of(error));
    CHECK(is_done());  // scan() has seen the empty line
    if (used != bytes.size()) return refuse("the head has lines behind its end");
    return finish();
  }

 private:
  bool refuse(const char* detail, ProblemType type = ProblemType::malformed_request) {
    problem_ = {.type = type, .detail = detail, .close = true};
    refused_ = true;
    return false;
  }

  static const char* detail_of(ErrorCode error) {
    if (error == beast::http::error::bad_field) return "a field's name is not a token directly before its colon";
    if (error == beast::http::error::bad_value) return "a field's value is malformed";
    if (error == beast::http::error::bad_content_length) return "Content-Length must be one plain decimal number";
    if (error == beast::http::error::bad_transfer_encoding) return "Transfer-Encoding beside another framing field";
    return "the head is malformed";
  }

  bool finish() {
    if (head_.host.empty()) return refuse("exactly one Host field is needed");
    if (transfer_encoding_) {
      if (head_.content_length || head_.http_1_0) return refuse("Transfer-Encoding beside another framing");
      return refuse("requests have no Transfer-Encoding here; send Content-Length", ProblemType::length_required);
    }
    if (head_.method == Method::post && !head_.content_length) {
      return refuse("send Content-Length", ProblemType::length_required);
    }
    if ((head_.method == Method::get || head_.method == Method::head) && head_.content_length.value_or(0) > 0) {
      return refuse("a GET or HEAD request has no content here");
    }
    head_.keep_alive = !close_ && (!head_.http_1_0 || keep_alive_);
    if (head_.http_1_0) head_.expect_continue = false;  // RFC 9110 section 10.1.1
    return true;
  }

  // A field that may be there once. An empty value counts as there.
  bool once(std::string_view& to, std::string_view value, uint16_t bit) {
    if ((seen_ & bit) != 0) return refuse("a field that may appear once appears again");
    seen_ = static_cast<uint16_t>(seen_ | bit);
    to = value;
    return true;
  }

  bool on_field(field id, std::string_view value) {
    std::string_view text;
    switch (id) {
      case field::host:
        if (!once(head_.host, value, 1)) return false;
        return host_ok(value) || refuse("Host is not a name or address with an optional port");
      case field::content_length: {
        uint64_t length = 0;
        if (!once(text, value, 2)) return false;
        if (!length_of(value, length)) return refuse("Content-Length must be one plain decimal number");
        head_.content_length = length;
        return true;
      }
      case field::transfer_encoding:
        transfer_encoding_ = true;
        return once(text, value, 256);
      case field::connection:
        for (const Text token : beast::http::token_list(Text(value.data(), value.size()))) {
          close_ = close_ || beast::iequals(token, "close");
          keep_alive_ = keep_alive_ || beast::iequals(token, "keep-alive");
        }
        return true;
      case field::expect:
        if (!once(text, value, 4)) return false;
        if (!beast::iequals(Text(value.data(), value.size()), "100-continue")) {
          return refuse("the only expectation understood is 100-continue", ProblemType::expectation_failed);
        }
        head_.expect_continue = true;
        return true;
      case field::content_encoding:
        return refuse("content is taken as it is, without Content-Encoding", ProblemType::unsupported_media);
      case field::authorization:
        return once(head_.authorization, value, 8);
      case field::content_type:
        return once(head_.content_type, value, 16);
      case field::range:
        return once(head_.range, value, 32);
      case field::if_range:
        return once(head_.if_range, value, 64);
      case field::if_none_match:
        return once(head_.if_none_match, value, 128);
      default:
        return true;  // not understood, and without influence on framing
    }
  }

  // ---- what Beast calls ----
  void on_request_impl(beast::http::verb method, Text, Text target, int version, ErrorCode&) override {
    switch (method) {
      case beast::http::verb::get:
        head_.method = Method::get;
        break;
      case beast::http::verb::head:
        head_.method = Method::head;
        break;
      case beast::http::verb::post:
        head_.method = Method::post;
        break;
      default:
        head_.method = Method::other;
    }
    const std::string_view all = view(target);
    const size_t query_at = all.find('?');
    head_.path = all.substr(0, query_at);
    if (query_at != all.npos) head_.query = all.substr(query_at + 1);
    head_.http_1_0 = version == 10;
  }
  void on_field_impl(field id, Text, Text value, ErrorCode& error) override {
    if (!on_field(id, view(value))) error = beast::http::error::bad_value;
  }
  void on_header_impl(ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}
  // Never called: this parses requests, and skips their content.
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<uint64_t>&, ErrorCode&) override {}
  size_t on_body_impl(Text body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(uint64_t, Text, ErrorCode&) override {}
  size_t on_chunk_body_impl(uint64_t, Text body, ErrorCode&) override { return body.size(); }

  Head& head_;
  Problem& problem_;
  uint16_t seen_ = 0;
  bool refused_ = false;
  bool transfer_encoding_ = false;
  bool close_ = false;
  bool keep_alive_ = false;
};

}  // namespace

bool parse_head(std::string_view bytes, Head& head, Problem& problem) { return HeadParser(head, problem).parse(bytes); }

}  // namespace cwtch::http
