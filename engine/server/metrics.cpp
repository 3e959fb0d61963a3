#include "engine/server/metrics.hpp"

#include <nlohmann/json.hpp>

namespace cwtch::server {
namespace {

constexpr uint64_t kRefreshNs = 60 * kSecond;
constexpr uint64_t kRoundTo = 10;

uint64_t rounded(uint64_t value) { return value - value % kRoundTo; }

}  // namespace

bool Metrics::healthy() const { return !context_.log->read_only.load(std::memory_order_relaxed); }

std::vector<Metrics::Row> Metrics::rows() const {
  const auto sum = [this](auto member) {
    uint64_t total = 0;
    for (const auto& shard : context_.shards) total += (shard->counters().*member).load(std::memory_order_relaxed);
    return total;
  };
  const log::Shared::Committed committed = context_.log->committed();
  const auto layout = context_.log->layout();
  uint64_t bytes = 0;
  for (const auto& segment : layout->segments) bytes += segment->file_bytes;
  return {
      {"cwtchd_connections", "gauge", "Open connections of the native API.", rounded(sum(&Counters::connections))},
      {"cwtchd_connections_accepted_total", "counter", "Connections accepted.", rounded(sum(&Counters::accepted))},
      {"cwtchd_posts_accepted_total", "counter", "Posts that are in the log.", rounded(sum(&Counters::posts_accepted))},
      {"cwtchd_posts_repeated_total", "counter", "Posts of a record that was there already.",
       rounded(sum(&Counters::posts_repeated))},
      {"cwtchd_posts_refused_total", "counter", "Posts refused, for whatever reason.",
       rounded(sum(&Counters::posts_refused))},
      {"cwtchd_log_records", "gauge", "Records retained.", rounded(committed.end.value - layout->first_retained.value)},
      {"cwtchd_log_segment_bytes", "gauge", "Bytes of sealed segments.", bytes},
      {"cwtchd_log_segments", "gauge", "Sealed segments.", layout->segments.size()},
      {"cwtchd_log_first_retained", "gauge", "First position retained.", layout->first_retained.value},
      {"cwtchd_log_groups_total", "counter", "Durable writes of the journal.", rounded(sum(&Counters::groups))},
      {"cwtchd_log_group_bytes_total", "counter", "Bytes of those writes.", sum(&Counters::group_bytes) / 4096 * 4096},
      {"cwtchd_log_segments_sealed_total", "counter", "Segments sealed.", sum(&Counters::segments_sealed)},
      {"cwtchd_log_segments_merged_total", "counter", "Merges of segments.", sum(&Counters::segments_merged)},
      {"cwtchd_log_segments_retired_total", "counter", "Segments removed by retention.",
       sum(&Counters::segments_retired)},
      {"cwtchd_log_read_only", "gauge", "1 while the log accepts no posts.", healthy() ? 0u : 1u},
      {"cwtchd_key_index_memory_bytes", "gauge", "Memory of the key index.", sum(&Counters::index_memory_bytes)},
      {"cwtchd_key_index_keys", "gauge", "Keys in the key index, two per record.", rounded(sum(&Counters::index_keys))},
      {"cwtchd_start_bytes_read", "gauge", "Bytes of the log that the start read.", sum(&Counters::start_bytes_read)},
      {"cwtchd_chunk_cache_hits_total", "counter", "Chunks served from the cache.",
       rounded(sum(&Counters::chunk_hits))},
      {"cwtchd_chunk_cache_misses_total", "counter", "Chunks that had to be read.",
       rounded(sum(&Counters::chunk_misses))},
      {"cwtchd_chunk_read_bytes_total", "counter", "Bytes read from segments.", sum(&Counters::chunk_bytes_read)},
      {"cwtchd_damaged_chunks_total", "counter", "Chunks that failed their checksum or could not be read.",
       sum(&Counters::damaged_chunks)},
      {"cwtchd_index_files_mended_total", "counter", "Index files that were missing or damaged, and were made anew.",
       sum(&Counters::index_mends)},
      {"cwtchd_shards", "gauge", "Threads that serve connections.", context_.shards.size()},
  };
}

void Metrics::refresh() {
  const uint64_t now_ns = clock_.monotonic_ns();
  if (!taken_.empty() && now_ns - taken_ns_ < kRefreshNs) return;
  taken_ = rows();
  taken_ns_ = now_ns;
}

std::string Metrics::prometheus() {
  refresh();
  std::string text =
      "# HELP cwtchd_build_info The version that runs, and how it talks to the kernel.\n# TYPE cwtchd_build_info "
      "gauge\n";
  text += "cwtchd_build_info{version=\"" CWTCHD_VERSION "\",io=\"" + std::string(context_.shards.front()->io_name()) +
          "\"} 1\n";
  for (const Row& row : taken_) {
    text += std::string("# HELP ") + row.name + ' ' + row.help + "\n# TYPE " + row.name + ' ' + row.kind + '\n' +
            row.name + ' ' + std::to_string(row.value) + '\n';
  }
  return text;
}

std::string Metrics::json() {
  refresh();
  nlohmann::ordered_json document = {{"version", CWTCHD_VERSION}, {"io", context_.shards.front()->io_name()}};
  for (const Row& row : taken_) document[row.name] = row.value;
  return document.dump(2) + "\n";
}

}  // namespace cwtch::server
