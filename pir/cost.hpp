// What a scheme costs, as formulas: bytes that move, and work in units whose price a machine is asked for
// (pirbench calibrates them). Predictions stand beside measurements, never in their place.
//
// Thread: any; values.
#pragma once

#include <cstdint>

namespace cwtch::pir {

// Units of work. Their seconds are a machine's business.
struct Work {
  double read_bytes = 0;  // streamed from memory once
  double copied = 0;      // bytes, into memory that was not there before
  double macs = 0;        // byte times 32-bit word, added
  double transforms = 0;  // number-theoretic transforms of degree 1,024, one polynomial each
  double pack_reads = 0;  // words of a stored precomputation, read once for a batch
  double pack_words = 0;  // of those, each times one key
  double word_macs = 0;   // 32-bit word times 32-bit word, added: a client's, who opens answers
  double samples = 0;     // of the discrete Gaussian
};

struct Cost {
  double request_bytes = 0;
  double answer_bytes = 0;
  double statics_bytes = 0;  // downloaded once per database
  double rows_fetched = 0;   // by one query, at most
  double server_bytes = 0;   // of memory, besides the rows themselves
  Work setup;                // once per database
  Work answer;               // of one batch, all of it
  Work client;               // one query and its recovery
};

// Seconds per unit.
struct Machine {
  double read_byte = 0;
  double copied = 0;
  double mac = 0;
  double transform = 0;
  double pack_read = 0;
  double pack_word = 0;
  double word_mac = 0;
  double sample = 0;
};

inline double seconds(const Work& work, const Machine& machine) {
  const double reading = work.read_bytes * machine.read_byte;
  const double adding = work.macs * machine.mac;
  return (reading > adding ? reading : adding) + work.copied * machine.copied + work.transforms * machine.transform +
         work.pack_reads * machine.pack_read + work.pack_words * machine.pack_word + work.word_macs * machine.word_mac +
         work.samples * machine.sample;
}

}  // namespace cwtch::pir
