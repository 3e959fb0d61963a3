#include "tools/loadgen/reply.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <stdexcept>

#include "tools/loadgen/net.hpp"

namespace cwtch::loadgen {
namespace {
constexpr size_t kLineBytesMax = 16 << 10;

bool is_header(const std::string& line, const char* name, std::string* value) {
  const size_t size = std::strlen(name);
  if (line.size() <= size || line[size] != ':' || strncasecmp(line.data(), name, size) != 0) return false;
  const size_t from = line.find_first_not_of(" \t", size + 1);
  *value = from == std::string::npos ? "" : line.substr(from);
  return true;
}

}  // namespace

size_t ReplyReader::feed_line(ByteView bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), uint8_t{'\n'});
  const bool whole = end != bytes.end();
  line_.append(bytes.begin(), end);
  if (line_.size() > kLineBytesMax) throw std::runtime_error("reply: endless line");
  if (!whole) return bytes.size();
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  line_done();
  line_.clear();
  return static_cast<size_t>(end - bytes.begin()) + 1;
}

void ReplyReader::line_done() {
  std::string value;
  switch (state_) {
    case State::status:
      if (line_.rfind("HTTP/1.1 ", 0) != 0) throw std::runtime_error("reply: not HTTP/1.1: " + line_);
      status_ = std::stoi(line_.substr(9));
      state_ = State::header;
      return;
    case State::header:
      if (is_header(line_, "Content-Length", &value)) content_length_ = std::stoull(value);
      if (is_header(line_, "Transfer-Encoding", &value)) chunked_ = value == "chunked";
      if (!line_.empty()) return;
      left_ = content_length_;
      state_ = chunked_ ? State::chunk_size : left_ == 0 ? State::complete : State::body;
      return;
    case State::chunk_size:
      left_ = std::stoull(line_, nullptr, 16);
      state_ = left_ == 0 ? State::trailer : State::chunk;
      return;
    case State::chunk_end:
      state_ = State::chunk_size;
      return;
    case State::trailer:
      if (line_.empty()) state_ = State::complete;
      return;
    case State::body:
    case State::chunk:
    case State::complete:
      throw std::logic_error("reply: no line expected");
  }
}

std::string request_line(const std::string& host, const std::string& path, const std::string& more_headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", path, host, more_headers);
}

std::string post_head(const std::string& host, size_t record_bytes) {
  return fmt::format(
      "POST /v1/records HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
      host, record_bytes);
}

namespace {

std::string read_reply(const Socket& socket, const std::string& what) {
  ReplyReader reply;
  std::string body;
  Bytes buffer(64 << 10);
  while (!reply.complete()) {
    const ssize_t got = socket.receive(buffer);
    if (got <= 0) throw std::runtime_error(what + ": the connection ended before the reply");
    reply.feed(ByteView(buffer).first(static_cast<size_t>(got)), [&](ByteView part) { body.append(text_of(part)); });
  }
  if (reply.status() / 100 != 2) throw std::runtime_error(fmt::format("{}: status {}: {}", what, reply.status(), body));
  return body;
}

}  // namespace

std::string get(const Socket& socket, const std::string& host, const std::string& path) {
  socket.send_all(bytes_of(request_line(host, path)));
  return read_reply(socket, path);
}

std::string post_record(const Socket& socket, const std::string& host, ByteView record) {
  const std::string head = post_head(host, record.size());
  Bytes message(head.begin(), head.end());
  message.insert(message.end(), record.begin(), record.end());
  socket.send_all(message);
  return read_reply(socket, "post");
}

}  // namespace cwtch::loadgen
