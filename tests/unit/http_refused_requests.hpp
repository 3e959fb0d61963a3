// Inputs that must be refused, with the documented answer: what smuggles requests past other servers, and what is
// simply wrong. Used by the unit test of the parser; tests/interop/bad_requests.py sends the like to a live server.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cwtch::test {

struct RefusedRequest {
  const char* name;
  std::string bytes;
  int status;
  bool closes;  // else another request on the connection is answered as if nothing had happened
};

inline std::vector<RefusedRequest> refused_requests() {
  using namespace std::string_literals;
  const auto get = [](std::string fields) { return "GET /v1/server HTTP/1.1\r\n" + fields + "\r\n"; };
  const auto post = [](std::string fields, std::string content) {
    return "POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n" + fields + "\r\n" +
           content;
  };
  const auto target = [](std::string text) { return "GET " + text + " HTTP/1.1\r\nHost: a\r\n\r\n"; };
  const std::string hidden = "GET /v1/segments HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string long_value(8200, 'a');

  return {
      // ---- Two lengths: Transfer-Encoding ----
      {"chunked", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), 411, true},
      {"length, then chunked (CL.TE)",
       post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden), 400, true},
      {"chunked, then length (TE.CL)",
       post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n" + hidden), 400, true},
      {"two Transfer-Encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
       400, true},
      {"two Transfer-Encodings, the second chunked",
       post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, true},
      {"chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, true},
      {"chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 411, true},
      {"identity", post("Transfer-Encoding: identity\r\n", ""), 411, true},
      {"identity beside a length", post("Content-Length: 0\r\nTransfer-Encoding: identity\r\n", ""), 400, true},
      {"gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 411, true},
      {"xchunked", post("Transfer-Encoding: xchunked\r\n", ""), 411, true},
      {"quoted chunked", post("Transfer-Encoding: \"chunked\"\r\n", ""), 411, true},
      {"CHUNKED", post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), 411, true},
      {"tabbed chunked", post("Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n"), 411, true},
      {"empty Transfer-Encoding", post("Content-Length: 0\r\nTransfer-Encoding:\r\n", ""), 400, true},
      {"Transfer-Encoding with a space before the colon",
       post("Content-Length: 5\r\nTransfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400, true},
      {"Transfer-Encoding behind a space", post("Content-Length: 5\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       400, true},
      {"Transfer-Encoding behind a vertical tab",
       post("Content-Length: 5\r\nTransfer-Encoding:\vchunked\r\n", "0\r\n\r\n"), 400, true},
      {"Transfer-Encoding hidden behind a bare line feed",
       post("Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, true},
      {"Transfer-Encoding hidden behind a bare return",
       post("Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, true},
      {"Transfer-Encoding on GET", get("Host: a\r\nTransfer-Encoding: chunked\r\n"), 411, true},
      {"Transfer-Encoding in HTTP/1.0",
       "POST /v1/records HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, true},

      // ---- Two lengths: Content-Length ----
      {"two lengths that differ", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400, true},
      {"two lengths that agree", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400, true},
      {"a list of lengths", post("Content-Length: 5, 5\r\n", "hello"), 400, true},
      {"a list of different lengths", post("Content-Length: 5, 6\r\n", "hello"), 400, true},
      {"a list with an empty member", post("Content-Length: 5,\r\n", "hello"), 400, true},
      {"an empty length", post("Content-Length:\r\n", ""), 400, true},
      {"a positive sign", post("Content-Length: +5\r\n", "hello"), 400, true},
      {"a negative length", post("Content-Length: -1\r\n", ""), 400, true},
      {"a hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), 400, true},
      {"a leading zero", post("Content-Length: 05\r\n", "hello"), 400, true},
      {"a decimal point", post("Content-Length: 5.0\r\n", "hello"), 400, true},
      {"an exponent", post("Content-Length: 5e0\r\n", "hello"), 400, true},
      {"a length of two numbers", post("Content-Length: 5 5\r\n", "hello"), 400, true},
      {"a quoted length", post("Content-Length: \"5\"\r\n", "hello"), 400, true},
      {"a length above 64 bits", post("Content-Length: 18446744073709551616\r\n", ""), 400, true},
      {"a length that wraps 64 bits to 5", post("Content-Length: 18446744073709551621\r\n", "hello"), 400, true},
      {"a length in Arabic-Indic digits", post("Content-Length: \xD9\xA5\r\n", "hello"), 400, true},
      {"a space before the colon", post("Content-Length : 5\r\n", "hello"), 400, true},
      {"a tab before the colon", post("Content-Length\t: 5\r\n", "hello"), 400, true},
      {"no length", post("", ""), 411, true},
      {"no length, but content", post("", "hello"), 411, true},
      {"GET with content", get("Host: a\r\nContent-Length: 5\r\n") + "hello", 400, true},
      {"HEAD with content", "HEAD /v1/server HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 400, true},
      {"the largest length", post("Content-Length: 18446744073709551615\r\n", "hello"), 413, true},
      {"too long, but little", post("Content-Length: 6081\r\n", std::string(6081, 'x')), 413, false},
      {"too long to read for nothing", post("Content-Length: 65537\r\n", std::string(65537, 'x')), 413, true},
      {"too long, and waiting for leave", post("Content-Length: 6081\r\nExpect: 100-continue\r\n", ""), 413, true},

      // ---- Lines and bytes ----
      {"a folded field", get("Host: a\r\nX: y\r\n z\r\n"), 400, true},
      {"a field folded with a tab", get("Host: a\r\nX: y\r\n\tz\r\n"), 400, true},
      {"a folded Host", get("Host:\r\n a\r\n"), 400, true},
      {"an indented first field", get(" Host: a\r\n"), 400, true},
      {"bare line feeds", "GET /v1/server HTTP/1.1\nHost: a\n\n", 400, true},
      {"a bare line feed in a value", get("Host: a\r\nX: y\nz\r\n"), 400, true},
      {"a bare return in a value", get("Host: a\r\nX: y\rz\r\n"), 400, true},
      {"two returns before the line feed", get("Host: a\r\r\n"), 400, true},
      {"a head that ends in line feeds", "GET /v1/server HTTP/1.1\r\nHost: a\r\n\n", 400, true},
      {"NUL in a value", get("Host: a\r\nX: y\0z\r\n"s), 400, true},
      {"NUL in a name", get("Host: a\r\nX\0: y\r\n"s), 400, true},
      {"NUL in the path", target("/v1/server\0"s), 400, true},
      {"DEL in a value", get("Host: a\r\nX: \x7F\r\n"), 400, true},
      {"a form feed in a value", get("Host: a\r\nX: \f\r\n"), 400, true},
      {"an escape in a value", get("Host: a\r\nX: \x1B[31m\r\n"), 400, true},
      {"a field without a colon", get("Host: a\r\nX\r\n"), 400, true},
      {"a field without a name", get("Host: a\r\n: x\r\n"), 400, true},
      {"a space in a name", get("Host: a\r\nX Y: z\r\n"), 400, true},
      {"a non-ASCII name", get("Host: a\r\n\xC3\x9C: z\r\n"), 400, true},
      {"parentheses in a name", get("Host: a\r\nX(Y): z\r\n"), 400, true},
      {"an empty line first", "\r\n" + hidden, 400, true},
      {"a line feed first", "\n" + hidden, 400, true},
      {"a space first", " " + hidden, 400, true},
      {"a fat head", get("Host: a\r\nX: " + long_value + "\r\n"), 431, true},
      {"many small fields",
       get("Host: a\r\n" +
           [] {
             std::string fields;
             for (int i = 0; i < 2000; ++i) fields += "a: b\r\n";
             return fields;
           }()),
       431, true},
      {"a fat request line", target("/" + long_value), 414, true},
      {"a fat method", long_value + " / HTTP/1.1\r\nHost: a\r\n\r\n", 414, true},

      // ---- Host ----
      {"no Host", get(""), 400, true},
      {"no Host in HTTP/1.0", "GET /v1/server HTTP/1.0\r\n\r\n", 400, true},
      {"two Hosts", get("Host: a\r\nHost: b\r\n"), 400, true},
      {"two equal Hosts", get("Host: a\r\nHost: a\r\n"), 400, true},
      {"an empty Host", get("Host:\r\n"), 400, true},
      {"a list of Hosts", get("Host: a, b\r\n"), 400, true},
      {"a Host with a path", get("Host: a/b\r\n"), 400, true},
      {"a Host with a user", get("Host: a@b\r\n"), 400, true},
      {"a Host with a space", get("Host: a b\r\n"), 400, true},
      {"a Host with a port that is none", get("Host: a:b\r\n"), 400, true},
      {"a Host with an empty port", get("Host: a:\r\n"), 400, true},
      {"a Host with a huge port", get("Host: a:1234567\r\n"), 400, true},
      {"a Host with two ports", get("Host: a:1:2\r\n"), 400, true},
      {"a Host with an open bracket", get("Host: [::1\r\n"), 400, true},
      {"a Host with a percent sign", get("Host: a%00b\r\n"), 400, true},
      {"Host with a space before the colon", get("Host : a\r\n"), 400, true},

      // ---- Targets ----
      {"absolute form", target("http://a/v1/server"), 400, true},
      {"absolute form of another host", target("http://evil/v1/server"), 400, true},
      {"authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"no slash", target("v1/server"), 400, true},
      {"no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"a dot segment", target("/v1/./server"), 400, true},
      {"a double-dot segment", target("/v1/x/../server"), 400, true},
      {"a double-dot segment at the end", target("/v1/segments/.."), 400, true},
      {"a double-dot segment at the start", target("/../v1/server"), 400, true},
      {"dots before a query", target("/v1/..?from=0"), 400, true},
      {"an encoded letter", target("/v1/%73erver"), 400, true},
      {"an encoded slash", target("/v1%2Fserver"), 400, true},
      {"an encoded dot segment", target("/v1/%2e%2e/v1/server"), 400, true},
      {"a doubly encoded dot", target("/v1/%252e/server"), 400, true},
      {"an encoded NUL", target("/v1/server%00"), 400, true},
      {"encoded line ends", target("/v1/server%0d%0aX:%20y"), 400, true},
      {"an overlong encoding", target("/v1/%c0%ae%c0%ae/server"), 400, true},
      {"a broken encoding", target("/v1/%zz"), 400, true},
      {"an encoded query", target("/v1/log?from=%30"), 400, true},
      {"a backslash", target("/v1\\server"), 400, true},
      {"a fragment", target("/v1/server#x"), 400, true},
      {"a quote", target("/v1/server\""), 400, true},
      {"angle brackets", target("/<script>"), 400, true},
      {"a tab in the target", target("/v1/\tserver"), 400, true},
      {"a non-ASCII byte", target("/v1/s\xC3\xA9rver"), 400, true},
      {"a space in the target", target("/v1/server x"), 400, true},
      {"two spaces before the version", "GET /v1/server  HTTP/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"a tab instead of a space", "GET\t/v1/server\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"a space behind the version", "GET /v1/server HTTP/1.1 \r\nHost: a\r\n\r\n", 400, true},

      // ---- Versions and other protocols ----
      {"HTTP/0.9", "GET /v1/server\r\n", 505, true},
      {"HTTP/0.9 by name", "GET /v1/server HTTP/0.9\r\nHost: a\r\n\r\n", 505, true},
      {"HTTP/1.2", "GET /v1/server HTTP/1.2\r\nHost: a\r\n\r\n", 505, true},
      {"HTTP/2.0 by name", "GET /v1/server HTTP/2.0\r\nHost: a\r\n\r\n", 505, true},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, true},
      {"HTTP/3.0 by name", "GET /v1/server HTTP/3.0\r\nHost: a\r\n\r\n", 505, true},
      {"HTTP/11", "GET /v1/server HTTP/11\r\nHost: a\r\n\r\n", 400, true},
      {"HTTP/1", "GET /v1/server HTTP/1\r\nHost: a\r\n\r\n", 400, true},
      {"HTTP/1.10", "GET /v1/server HTTP/1.10\r\nHost: a\r\n\r\n", 400, true},
      {"HTTP/01.1", "GET /v1/server HTTP/01.1\r\nHost: a\r\n\r\n", 400, true},
      {"lower-case http", "GET /v1/server http/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"HTTPS", "GET /v1/server HTTPS/1.1\r\nHost: a\r\n\r\n", 400, true},
      {"RTSP", "GET /v1/server RTSP/1.0\r\nHost: a\r\n\r\n", 400, true},
      {"a response", "HTTP/1.1 200 OK\r\nHost: a\r\n\r\n", 400, true},
      {"only a method", "GET\r\n", 400, true},
      {"a TLS client hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03"s, 400, true},
      {"an SSH banner", "SSH-2.0-OpenSSH_9.2\r\n", 400, true},
      {"a method that is no token", "G@T /v1/server HTTP/1.1\r\nHost: a\r\n\r\n", 400, true},

      // ---- Fields that decide ----
      {"an unknown expectation", post("Content-Length: 5\r\nExpect: 200-ok\r\n", "hello"), 417, true},
      {"two expectations", post("Content-Length: 5\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n", "hello"), 400,
       true},
      {"two ranges fields", get("Host: a\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\n"), 400, true},
      {"two credentials", post("Content-Length: 5\r\nAuthorization: a\r\nAuthorization: b\r\n", "hello"), 400, true},
      {"two types", post("Content-Length: 5\r\nContent-Type: text/plain\r\n", "hello"), 400, true},
      {"encoded content", post("Content-Length: 5\r\nContent-Encoding: gzip\r\n", "hello"), 415, true},
      {"a malformed Connection", get("Host: a\r\nConnection: ;;\r\n"), 400, true},

      // ---- Understood, and refused without harm to the connection ----
      {"an unknown resource", target("/v1/nothing"), 404, false},
      {"the root", target("/"), 404, false},
      {"a resource with a slash too many", target("/v1/server/"), 404, false},
      {"a doubled slash", target("/v1//server"), 404, false},
      {"the wrong case", target("/V1/server"), 404, false},
      {"an extension", target("/v1/log;x=y"), 404, false},
      {"an unknown method", "BREW /v1/log HTTP/1.1\r\nHost: a\r\n\r\n", 405, false},
      {"a lower-case method", "get /v1/log HTTP/1.1\r\nHost: a\r\n\r\n", 405, false},
      {"TRACE", "TRACE /v1/log HTTP/1.1\r\nHost: a\r\n\r\n", 405, false},
      {"DELETE", "DELETE /v1/segments/0-1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, false},
      {"PUT with content", "PUT /v1/records HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, false},
      {"GET where posts go", target("/v1/records"), 405, false},
      {"POST where reads go", "POST /v1/log HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 405, false},
      {"an unknown parameter", target("/v1/log?form=0"), 400, false},
      {"a parameter where none is known", target("/v1/server?x"), 400, false},
      {"a doubled parameter", target("/v1/log?from=0&from=0"), 400, false},
      {"a parameter without a value", target("/v1/log?from"), 400, false},
      {"a negative position", target("/v1/log?from=-1"), 400, false},
      {"a position with a plus", target("/v1/log?from=+1"), 400, false},
      {"a position with a leading zero", target("/v1/log?from=01"), 400, false},
      {"a position above 64 bits", target("/v1/log?from=18446744073709551616"), 400, false},
      {"an empty parameter", target("/v1/log?&from=0"), 400, false},
      {"an ampersand at the end", target("/v1/log?from=0&"), 400, false},
      {"from above to", target("/v1/log?from=2&to=1"), 400, false},
      {"follow with an end", target("/v1/log?follow&to=1"), 400, false},
      {"follow=0", target("/v1/log?follow=0"), 400, false},
      {"follow in HTTP/1.0", "GET /v1/log?follow HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 400, false},
      {"a segment name that is none", target("/v1/segments/x"), 404, false},
      {"a segment that ends before it begins", target("/v1/segments/2-1"), 404, false},
      {"a segment name with a leading zero", target("/v1/segments/00-1"), 404, false},
      {"a segment name with more behind", target("/v1/segments/0-1/x"), 404, false},
      {"a record as a form",
       "POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
       "Content-Length: 5\r\n\r\nhello",
       415, false},
      {"a record without a type", "POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 415, false},
      {"a record of the wrong type, waiting for leave",
       "POST /v1/records HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", 415, true},
  };
}

}  // namespace cwtch::test
