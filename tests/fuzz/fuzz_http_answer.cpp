// What a server may answer: a connection that yields any bytes, in pieces of any size, never gives more content than it
// sent, never takes a cut for an end, and gives the same whatever the pieces.
#include <algorithm>

#include "engine/client/http_client.hpp"
#include "engine/core/check.hpp"
#include "tests/support/scripted_transport.hpp"

using namespace cwtch;

namespace {

struct Heard {
  Errc error = Errc::io;
  bool whole = false;
  int status = 0;
  std::string content;
  friend bool operator==(const Heard&, const Heard&) = default;
};

Heard hear(const std::string& bytes, size_t piece, size_t room) {
  test::ScriptedDialer dialer(
      [&](test::ScriptedDialer::Connection& connection) {
        if (connection.closed || connection.written.empty()) return std::string();
        connection.closed = true;
        return bytes;
      },
      piece);
  client::HttpClient http(dialer, {"127.0.0.1", 1, "", "x"});
  Heard heard;
  const auto answer = http.request({.target = "/", .content_type = {}, .body = {}});
  if (!answer) {
    heard.error = answer.error().code;
    return heard;
  }
  heard.status = answer->status;
  Bytes to(room);
  while (true) {
    const auto size = http.read(to);
    if (!size) {
      heard.error = size.error().code;
      break;
    }
    heard.whole = *size == 0;
    if (heard.whole) break;
    heard.content += text_of(ByteView(to).first(*size));
    CHECK(heard.content.size() <= bytes.size());
  }
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(text_of({data, size}));
  const Heard whole = hear(bytes, SIZE_MAX, 4096);
  CHECK(whole == hear(bytes, 1, 7));
  CHECK(whole == hear(bytes, 3, 1));
  if (whole.whole && !bytes.empty() && whole.status != 204 && whole.status != 304) {
    // The last byte of an answer is needed, unless something follows that is not part of it.
    const Heard cut = hear(bytes.substr(0, bytes.size() - 1), SIZE_MAX, 4096);
    CHECK(!cut.whole || cut == whole);
  }
  client::HttpProblem problem;
  test::ScriptedDialer dialer([&](test::ScriptedDialer::Connection& connection) {
    if (connection.closed) return std::string();
    connection.closed = true;
    return "HTTP/1.1 400 No\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes;
  });
  client::HttpClient http(dialer, {"127.0.0.1", 1, "", "x"});
  if (const auto answer = http.request({.target = "/", .content_type = {}, .body = {}})) {
    problem = http.read_problem(*answer);
    for (const std::string& text : {problem.type, problem.detail})
      CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }));
  }
  return 0;
}
