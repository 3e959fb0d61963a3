// What a log has been told and has promised: the other side of every comparison.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/bytes.hpp"

namespace cwtch::simulate {

using Record = std::shared_ptr<const Bytes>;

// What a moment of a run allows, and demands, of any image taken then.
struct Promise {
  std::vector<Record> maybe;  // taken and not answered yet, or answered with an error: may be there, each once
  uint64_t at_least = 0;      // records that were acknowledged, or published to readers: must be there
  uint64_t first_max = 0;     // retention may have removed what lies before
};

struct Truth {
  std::vector<Record> known;  // by position: acknowledged, or found by a recovery
  Promise promise;            // of this moment

  // Empty, or what is wrong with `found`, the records from `first` on, under `promise` (of now, or of earlier).
  std::string compare(const Promise& then, uint64_t first, const std::vector<ByteView>& found) const;
};

}  // namespace cwtch::simulate
