// Reads HTTP/1.1 replies from a stream of bytes: enough for the servers measured here, strict about lengths.
#pragma once

#include <functional>
#include <string>

#include "engine/core/bytes.hpp"

namespace cwtch::loadgen {

class ReplyReader {
 public:
  // Takes bytes up to the end of the reply; returns how many. Body bytes are handed to `body` as they come.
  template <class Body>
  size_t feed(ByteView bytes, Body&& body) {
    size_t used = 0;
    while (used < bytes.size() && !complete()) {
      const ByteView rest = bytes.subspan(used);
      if (state_ == State::body || state_ == State::chunk) {
        const ByteView part = rest.first(static_cast<size_t>(left_ < rest.size() ? left_ : rest.size()));
        body(part);
        body_bytes_ += part.size();
        left_ -= part.size();
        used += part.size();
        if (left_ == 0) state_ = state_ == State::body ? State::complete : State::chunk_end;
      } else {
        used += feed_line(rest);
      }
    }
    return used;
  }
  bool complete() const { return state_ == State::complete; }
  bool head_complete() const { return state_ != State::status && state_ != State::header; }
  int status() const { return status_; }
  uint64_t body_bytes() const { return body_bytes_; }
  uint64_t content_length() const { return content_length_; }
  void reset() { *this = ReplyReader(); }

 private:
  enum class State : uint8_t { status, header, body, chunk_size, chunk, chunk_end, trailer, complete };
  size_t feed_line(ByteView bytes);  // takes bytes of one line
  void line_done();

  State state_ = State::status;
  int status_ = 0;
  bool chunked_ = false;
  uint64_t left_ = 0;
  uint64_t content_length_ = 0;
  uint64_t body_bytes_ = 0;
  std::string line_;
};

// One request and its whole reply over a blocking connection. Throws unless the status is 2xx.
std::string get(const class Socket& socket, const std::string& host, const std::string& path);
// Posts a record; the body of the 201.
std::string post_record(const class Socket& socket, const std::string& host, ByteView record);
std::string post_head(const std::string& host, size_t record_bytes);
std::string request_line(const std::string& host, const std::string& path, const std::string& more_headers = "");

}  // namespace cwtch::loadgen
