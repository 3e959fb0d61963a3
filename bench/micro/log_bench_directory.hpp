// A directory for the files of a bench, under TMPDIR or /var/tmp (a real disk where /tmp is memory), removed at exit.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/core/check.hpp"

namespace cwtch::bench {

class Directory {
 public:
  Directory() {
    const char* const base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/var/tmp") + "/cwtch-bench-XXXXXX";
    CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace cwtch::bench
