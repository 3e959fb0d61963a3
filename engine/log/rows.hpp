// A record as the rows of private retrieval: len u16 ‖ record ‖ zeros, in as many rows as it takes.
//
// Thread: any; pure.
#pragma once

#include "engine/log/index_block.hpp"

namespace cwtch::log {

// rows: rows_of(record.size(), row_bytes) * row_bytes bytes.
void encode_rows(ByteView record, uint32_t row_bytes, MutableBytes rows);

// The inverse, for bytes from anybody: malformed unless encode_rows() makes exactly these rows of the record.
Result<Bytes> decode_rows(ByteView rows, uint32_t row_bytes);

}  // namespace cwtch::log
