#include "engine/core/check.hpp"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace cwtch {

void check_failed(const char* condition, const char* file, int line) noexcept {
  char digits[12];
  char* p = digits + sizeof digits;
  for (unsigned n = static_cast<unsigned>(line); n != 0 || p == digits + sizeof digits; n /= 10)
    *--p = static_cast<char>('0' + n % 10);
  const auto put = [](const char* text, size_t size) { return ::write(STDERR_FILENO, text, size); };
  (void)(put("CHECK failed: ", 14) + put(condition, std::strlen(condition)) + put(" at ", 4) +
         put(file, std::strlen(file)) + put(":", 1) + put(p, static_cast<size_t>(digits + sizeof digits - p)) +
         put("\n", 1));
  std::abort();
}

}  // namespace cwtch
