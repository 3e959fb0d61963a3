// The few words of the NATS client protocol that publishing to JetStream with acknowledgements needs.
#pragma once

#include <string>

#include "engine/core/bytes.hpp"
#include "tools/loadgen/net.hpp"

namespace cwtch::loadgen::nats {

inline constexpr const char* kSubject = "bench.log";

// Greets the server on a connected blocking socket and subscribes to `inbox`.
void greet(const Socket& socket, const std::string& inbox);
// Makes the stream that stores what is published to kSubject in files; one that exists is emptied first.
void make_stream(const Target& target);
// "PUB bench.log inbox bytes\r\n"; payload and "\r\n" follow.
std::string publish_head(const std::string& inbox, size_t payload_bytes);

// Takes bytes as they come; true when they complete the acknowledgement of one publication. Throws on a refusal.
// PINGs of the server are counted in pings(): each wants a PONG.
class AckReader {
 public:
  bool feed(ByteView bytes);
  unsigned take_pings() { return std::exchange(pings_, 0); }

 private:
  std::string buffer_;
  unsigned pings_ = 0;
};

}  // namespace cwtch::loadgen::nats
