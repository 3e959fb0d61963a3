// A server as a script: what it answers to each connection, in pieces of a chosen size. No sockets, no threads.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "engine/client/transport.hpp"

namespace cwtch::test {

// Answers requests with bytes; sees them as they were written. Must outlive the transports.
class ScriptedDialer final : public client::Dialer {
 public:
  // Called for each write of the client with all that it wrote on this connection; what it returns is sent. The
  // connection ends when `closed` is set and everything was read.
  struct Connection {
    std::string written;
    bool closed = false;
    size_t number = 0;  // of those that the dialer made, from 1
  };
  using Server = std::function<std::string(Connection&)>;

  explicit ScriptedDialer(Server server, size_t piece = SIZE_MAX) : server_(std::move(server)), piece_(piece) {}

  Result<std::unique_ptr<client::Transport>> dial(const client::Endpoint&) override {
    ++dialled;
    if (refuse) return fail(Errc::closed, "connection: refused by the script");
    return std::make_unique<Stream>(*this);
  }

  size_t dialled = 0;
  bool refuse = false;
  std::function<void(size_t connection, size_t unread)> on_close;  // by the client, with so many bytes on their way

 private:
  class Stream final : public client::Transport {
   public:
    explicit Stream(ScriptedDialer& dialer) : dialer_(dialer) { connection_.number = dialer.dialled; }
    ~Stream() override {
      if (dialer_.on_close) dialer_.on_close(connection_.number, out_.size() - read_);
    }
    Result<size_t> read(MutableBytes to) override {
      if (cancelled_) return fail(Errc::cancelled, "cancelled");
      if (read_ == out_.size() && !connection_.closed) {
        const std::string more = dialer_.server_(connection_);  // a stream that goes on
        if (more.empty()) {
          if (!connection_.closed) return fail(Errc::timeout, "connection: the server is silent");
        }
        out_ += more;
      }
      const size_t size = std::min({to.size(), out_.size() - read_, dialer_.piece_});
      std::copy_n(out_.begin() + static_cast<ptrdiff_t>(read_), size, to.begin());
      read_ += size;
      return size;
    }
    Status write(ByteView bytes) override {
      if (cancelled_) return fail(Errc::cancelled, "cancelled");
      if (connection_.closed) return fail(Errc::closed, "connection: send");
      connection_.written += text_of(bytes);
      out_ += dialer_.server_(connection_);
      return {};
    }
    void cancel() override { cancelled_ = true; }

   private:
    ScriptedDialer& dialer_;
    Connection connection_;
    std::string out_;
    size_t read_ = 0;
    bool cancelled_ = false;
  };

  Server server_;
  size_t piece_;
};

}  // namespace cwtch::test
