// Workload: the requests that make up the load, each in one piece as it comes from a socket: a GET of a client that
// follows, and a POST of a 2.8 kB record. Bytes moved: the head is read; the body is handed out where it lies.
// Ceiling: one pass over the head's bytes.

#include <benchmark/benchmark.h>

#include <string>

#include "engine/core/check.hpp"
#include "engine/http/request.hpp"

namespace cwtch::http {
namespace {

void parse(benchmark::State& state, const std::string& request) {
  RequestParser parser;
  for (auto _ : state) {
    ByteView rest = bytes_of(request);
    Head head;
    for (bool complete = false; !complete;) {
      const RequestParser::Fed fed = parser.feed(rest, head);
      rest = rest.subspan(fed.consumed);
      if (fed.event == RequestParser::Event::head && head.content_length) CHECK(parser.take_body(8192));
      complete = fed.event == RequestParser::Event::complete;
      CHECK(fed.event != RequestParser::Event::refused);
    }
    benchmark::DoNotOptimize(head);
    parser.next();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(request.size()));
}

void BM_parse_get(benchmark::State& state) {
  parse(state, "GET /v1/log?from=4096&follow HTTP/1.1\r\nHost: 127.0.0.1:7140\r\nAccept: */*\r\n\r\n");
}
BENCHMARK(BM_parse_get);

void BM_parse_post(benchmark::State& state) {
  parse(state,
        "POST /v1/records HTTP/1.1\r\nHost: 127.0.0.1:7140\r\nContent-Type: application/octet-stream\r\n"
        "Content-Length: 2800\r\n\r\n" +
            std::string(2800, 'x'));
}
BENCHMARK(BM_parse_post);

}  // namespace
}  // namespace cwtch::http
