// Progress of long work: a bar with rate and time to go on a terminal, a plain line now and then otherwise, JSON lines
// if asked for. Standard error, so that results can be piped.
#pragma once

#include <cstdint>
#include <string>

namespace cwtch::tools {

class Progress {
 public:
  enum class Style : uint8_t { automatic, plain, json, quiet };
  // `unit`: "records", "messages"; "bytes" is shown as MiB.
  Progress(std::string what, std::string unit, uint64_t total, Style style = Style::automatic);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_total(uint64_t total) { total_ = total; }
  void set(uint64_t done);  // cheap: draws a few times a second
  void add(uint64_t more) { set(done_ + more); }
  void finish();

 private:
  void draw(bool last);
  std::string amount(uint64_t value) const;

  const std::string what_;
  const std::string unit_;
  uint64_t total_;
  uint64_t done_ = 0;
  Style style_;
  double started_s_;
  double drawn_s_ = 0;
  bool finished_ = false;
};

// Is standard error a terminal?
bool on_terminal();

}  // namespace cwtch::tools
