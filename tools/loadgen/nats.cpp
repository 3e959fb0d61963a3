#include "tools/loadgen/nats.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace cwtch::loadgen::nats {
namespace {
constexpr const char* kStream = "BENCH";

// Reads until `word` has come; bounded, since the greeting and API replies are small.
std::string wait_for(const Socket& socket, const std::string& word) {
  std::string got;
  Bytes buffer(16 << 10);
  while (got.find(word) == std::string::npos) {
    const ssize_t size = socket.receive(buffer);
    if (size <= 0 || got.size() > (1 << 20)) throw std::runtime_error("nats: no answer; so far: " + got);
    got.append(text_of(ByteView(buffer).first(static_cast<size_t>(size))));
  }
  return got;
}

std::string api(const Socket& socket, const std::string& inbox, const std::string& subject, const std::string& body) {
  socket.send_all(bytes_of(fmt::format("PUB $JS.API.{} {} {}\r\n{}\r\n", subject, inbox, body.size(), body)));
  return wait_for(socket, "}\r\n");
}

}  // namespace

void greet(const Socket& socket, const std::string& inbox) {
  wait_for(socket, "\r\n");  // INFO {...}
  socket.send_all(
      bytes_of(fmt::format("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {} 1\r\nPING\r\n", inbox)));
  wait_for(socket, "PONG\r\n");
}

void make_stream(const Target& target) {
  const Socket socket = Socket::connect(target, true);
  const std::string inbox = "_INBOX.setup";
  greet(socket, inbox);
  api(socket, inbox, fmt::format("STREAM.DELETE.{}", kStream), "");
  const std::string answer =
      api(socket, inbox, fmt::format("STREAM.CREATE.{}", kStream),
          fmt::format(R"({{"name":"{}","subjects":["{}"],"storage":"file","num_replicas":1,"retention":"limits"}})",
                      kStream, kSubject));
  if (answer.find("\"error\"") != std::string::npos) throw std::runtime_error("nats: no stream: " + answer);
}

std::string publish_head(const std::string& inbox, size_t payload_bytes) {
  return fmt::format("PUB {} {} {}\r\n", kSubject, inbox, payload_bytes);
}

bool AckReader::feed(ByteView bytes) {
  buffer_.append(text_of(bytes));
  for (;;) {
    const size_t line_end = buffer_.find("\r\n");
    if (line_end == std::string::npos) return false;
    if (buffer_.rfind("PING", 0) == 0 || buffer_.rfind("PONG", 0) == 0 || buffer_.rfind("+OK", 0) == 0) {
      pings_ += buffer_[1] == 'I' ? 1 : 0;
      buffer_.erase(0, line_end + 2);
      continue;
    }
    if (buffer_.rfind("MSG ", 0) != 0) throw std::runtime_error("nats: unexpected: " + buffer_.substr(0, line_end));
    const size_t size = std::stoul(buffer_.substr(buffer_.rfind(' ', line_end) + 1));
    if (buffer_.size() < line_end + 2 + size + 2) return false;
    if (buffer_.find("\"seq\":", line_end) == std::string::npos) throw std::runtime_error("nats: refused: " + buffer_);
    buffer_.erase(0, line_end + 2 + size + 2);
    return true;
  }
}

}  // namespace cwtch::loadgen::nats
