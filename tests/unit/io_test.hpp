// What the tests of engine/io share. Every test of Io runs on all back ends: they keep one contract.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "engine/io/io.hpp"
#include "engine/io/uring.hpp"

namespace cwtch::io::test {

// An operation that remembers that it is done.
template <class Op>
struct Pending {
  Op operation;
  int done_count = 0;
  bool done() const { return done_count > 0; }
  void finished(Op&) { ++done_count; }
  Callback callback() { return then<&Pending::finished>(this); }
};

// The ring as kernels of the first usable version have it, without what is optional, is a back end of its own here.
enum class Tested { uring, uring_5_19, epoll };

inline Result<std::unique_ptr<Io>> make_tested(Tested tested, IoOptions options = {}) {
  if (tested == Tested::uring_5_19) {
    UringReport report = probe_uring();
    for (FeatureReport& feature : report.features) feature.present = feature.present && feature.required;
    return make_uring(options, report);
  }
  options.backend = tested == Tested::uring ? Backend::uring : Backend::epoll;
  return make_io(options);
}

class IoTest : public ::testing::TestWithParam<Tested> {
 protected:
  void SetUp() override { make({}); }

  void make(const IoOptions& options) {
    io.reset();
    Result<std::unique_ptr<Io>> made = make_tested(GetParam(), options);
    if (!made && made.error().code == Errc::unsupported) GTEST_SKIP() << made.error().message();
    ASSERT_TRUE(made) << made.error().message();
    io = std::move(*made);
  }
  template <class... Ops>
  void wait(Pending<Ops>&... pending) {
    while (!(pending.done() && ...)) io->turn(true);
  }
  // A few turns that do not wait: what could have happened by then did.
  void settle() {
    for (int turn = 0; turn < 10; ++turn) io->turn(false);
  }

  struct Pair {
    Socket client;
    Socket server;
  };
  Pair connect(Socket listener) {
    const Result<Address> address = io->local_address(listener);
    EXPECT_TRUE(address);
    Pending<Accept> accept;
    Pending<Connect> connect;
    io->accept(accept.operation, listener, accept.callback());
    io->connect(connect.operation, *address, connect.callback());
    wait(accept, connect);
    EXPECT_TRUE(accept.operation.socket());
    EXPECT_TRUE(connect.operation.socket());
    return {connect.operation.socket().value_or(Socket{}), accept.operation.socket().value_or(Socket{})};
  }
  Pair connect_pair(const ListenOptions& options = {}) {
    const Result<Socket> listener = io->listen({"127.0.0.1:0"}, options);
    EXPECT_TRUE(listener);
    const Pair pair = connect(*listener);
    close(*listener);
    return pair;
  }
  void close(Socket socket) {
    Pending<Close> closing;
    io->close(closing.operation, socket, closing.callback());
    wait(closing);
  }
  void close(const Pair& pair) {
    close(pair.client);
    close(pair.server);
  }
  // Bytes received by one recv; empty at the end of the stream.
  std::string recv(Socket socket) {
    Pending<Recv> recv;
    io->recv(recv.operation, socket, recv.callback());
    wait(recv);
    const Result<size_t> size = recv.operation.size();
    EXPECT_TRUE(size) << size.error().message();
    const std::string bytes(text_of(recv.operation.buffer.bytes()));
    EXPECT_EQ(bytes.size(), size.value_or(0));
    return bytes;
  }
  Result<size_t> send(Socket socket, ByteView bytes, Io::SendFlags flags = {}) {
    Pending<Send> send;
    io->send(send.operation, socket, bytes, flags, send.callback());
    wait(send);
    return send.operation.size();
  }
  Result<size_t> send(Socket socket, std::string_view text) { return send(socket, bytes_of(text)); }

  std::unique_ptr<Io> io;
};

inline std::string backend_name(const ::testing::TestParamInfo<Tested>& info) {
  constexpr const char* kNames[] = {"uring", "uring_5_19", "epoll"};
  return kNames[static_cast<int>(info.param)];
}
inline auto backends() { return ::testing::Values(Tested::uring, Tested::uring_5_19, Tested::epoll); }

}  // namespace cwtch::io::test
