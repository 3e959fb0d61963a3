// How anything fails: Result<T> holds a value or an Error; Status is Result<void>.
//
//   our bug                 CHECK, abort                     (check.hpp)
//   a peer misbehaves       fail(Errc::malformed, "post: record is empty")
//   the disk lies or fills  fail(Errc::io, errno, "segment: read", offset)
//
// An Error allocates nothing: `context` is a string literal "subject: what is wrong".
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace cwtch {

enum class Errc : uint8_t {
  malformed,    // bytes that do not follow the format
  too_large,    // over a stated limit
  conflict,     // the same key with other bytes
  not_found,    // no such position, file, segment
  gone,         // was there once; retention removed it
  denied,       // policy or permission
  busy,         // a bounded queue is full: try again later
  read_only,    // the log accepts no posts (poisoned, or the medium is full)
  no_space,     // the medium is full
  corrupt,      // bytes on the medium fail their checksum
  io,           // any other failure of the kernel; `sys` says which
  closed,       // the peer finished, or the object is closing
  cancelled,    // asked to stop before it was done
  timeout,      // a deadline passed
  unsupported,  // this kernel, file system or build cannot
};

// "malformed", "too_large", ... as written above.
const char* name(Errc code);

struct Error {
  static constexpr uint64_t kNoOffset = UINT64_MAX;

  Errc code;
  int sys = 0;               // errno, or 0
  const char* context = "";  // a string literal
  uint64_t offset = kNoOffset;

  // "segment: checksum differs (corrupt) at offset 65536", "open (io): Permission denied"
  std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;

inline Failure fail(Errc code, const char* context) { return Failure(Error{code, 0, context, Error::kNoOffset}); }
inline Failure fail(Errc code, const char* context, uint64_t offset) {
  return Failure(Error{code, 0, context, offset});
}
inline Failure fail(const Error& error) { return Failure(error); }

// An errno becomes an Error: ENOSPC, EDQUOT and EFBIG are no_space; ENOENT not_found; EACCES and EPERM denied;
// ECONNRESET and EPIPE closed; ECANCELED cancelled; ETIMEDOUT timeout; EAGAIN, ENOBUFS and EMFILE busy; the rest io.
Error error_from_errno(int sys, const char* context, uint64_t offset = Error::kNoOffset);
inline Failure fail_errno(int sys, const char* context, uint64_t offset = Error::kNoOffset) {
  return Failure(error_from_errno(sys, context, offset));
}

}  // namespace cwtch
