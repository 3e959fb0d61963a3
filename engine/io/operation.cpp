#include "engine/io/operation.hpp"

#include <cerrno>

namespace cwtch::io {

Result<Socket> Accept::socket() const {
  if (result_ >= 0) return Socket{result_};
  // Memory for a socket comes back like a descriptor does, when somebody closes one.
  if (result_ == -ENOMEM) return fail(Error{Errc::busy, ENOMEM, "accept"});
  return fail_errno(-result_, "accept");
}

Result<Socket> Connect::socket() const {
  if (result_ < 0) return fail_errno(-result_, "connect");
  return Socket{result_};
}

Status Poll::status() const {
  if (result_ < 0) return fail_errno(-result_, "poll");
  return {};
}

Status Sync::status() const {
  if (result_ < 0) return fail_errno(-result_, "sync");
  return {};
}

}  // namespace cwtch::io
