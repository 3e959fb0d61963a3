// Counts what passes the sockets, below everything that could count otherwise: every byte of every connection.
// Thread: one.
#pragma once

#include "engine/client/transport.hpp"

namespace cwtch::bench {

class CountingDialer final : public client::Dialer {
 public:
  Result<std::unique_ptr<client::Transport>> dial(const client::Endpoint& endpoint) override {
    auto transport = sockets_.dial(endpoint);
    if (!transport) return transport;
    return std::make_unique<Counted>(std::move(*transport), bytes_);
  }

  uint64_t bytes() const { return bytes_; }  // so far, both ways

 private:
  class Counted final : public client::Transport {
   public:
    Counted(std::unique_ptr<Transport> transport, uint64_t& bytes) : transport_(std::move(transport)), bytes_(bytes) {}
    Result<size_t> read(MutableBytes to) override {
      const Result<size_t> size = transport_->read(to);
      if (size) bytes_ += *size;
      return size;
    }
    Status write(ByteView bytes) override {
      bytes_ += bytes.size();
      return transport_->write(bytes);
    }
    void cancel() override { transport_->cancel(); }

   private:
    const std::unique_ptr<Transport> transport_;
    uint64_t& bytes_;
  };

  client::SocketDialer sockets_{{}};
  uint64_t bytes_ = 0;
};

}  // namespace cwtch::bench
