#include "engine/core/result.hpp"

#include <cerrno>
#include <cstring>

#include "engine/core/check.hpp"

namespace cwtch {

const char* name(Errc code) {
  switch (code) {
    case Errc::malformed:
      return "malformed";
    case Errc::too_large:
      return "too_large";
    case Errc::conflict:
      return "conflict";
    case Errc::not_found:
      return "not_found";
    case Errc::gone:
      return "gone";
    case Errc::denied:
      return "denied";
    case Errc::busy:
      return "busy";
    case Errc::read_only:
      return "read_only";
    case Errc::no_space:
      return "no_space";
    case Errc::corrupt:
      return "corrupt";
    case Errc::io:
      return "io";
    case Errc::closed:
      return "closed";
    case Errc::cancelled:
      return "cancelled";
    case Errc::timeout:
      return "timeout";
    case Errc::unsupported:
      return "unsupported";
  }
  CHECK(false);
}

std::string Error::message() const {
  std::string text = context;
  text += " (";
  text += name(code);
  text += ')';
  if (sys != 0) {
    text += ": ";
    text += std::strerror(sys);
  }
  if (offset != kNoOffset) {
    text += " at offset ";
    text += std::to_string(offset);
  }
  return text;
}

Error error_from_errno(int sys, const char* context, uint64_t offset) {
  const auto code = [sys] {
    switch (sys) {
      case ENOSPC:
      case EDQUOT:
      case EFBIG:
        return Errc::no_space;
      case ENOENT:
        return Errc::not_found;
      case EACCES:
      case EPERM:
      case EROFS:
        return Errc::denied;
      case ECONNRESET:
      case EPIPE:
        return Errc::closed;
      case ECANCELED:
        return Errc::cancelled;
      case ETIMEDOUT:
        return Errc::timeout;
      case EAGAIN:
      case ENOBUFS:
      case EMFILE:
      case ENFILE:
        return Errc::busy;
      default:
        return Errc::io;
    }
  }();
  return {code, sys, context, offset};
}

}  // namespace cwtch
