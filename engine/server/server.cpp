#include "engine/server/server.hpp"

#include <sodium.h>

#include <algorithm>

#include "engine/io/descriptors.hpp"
#include "engine/server/safe_log.hpp"
#include "pir/registry.hpp"

namespace cwtch::server {
namespace {

std::string log_path(const std::string& directory) { return directory + "/log"; }

log::Options log_options(const Config& config) {
  log::Options options;
  options.chunk_bytes = static_cast<uint32_t>(config.chunk_bytes);
  options.journal_files = static_cast<uint32_t>(config.journal_files);
  options.journal_file_bytes = config.journal_file_bytes;
  options.row_bytes = static_cast<uint32_t>(config.row_bytes);
  options.group_bytes_max = static_cast<uint32_t>(config.group_bytes_max);
  options.sync_with_fdatasync = config.sync_with_fdatasync;
  options.seal_records = static_cast<uint32_t>(config.seal_records);
  options.seal_records_hour_min = static_cast<uint32_t>(config.seal_records_hour_min);
  options.merge_factor = static_cast<uint32_t>(config.merge_factor);
  options.merged_bytes_max = config.merged_bytes_max;
  options.retain_bytes_max = config.retain_bytes_max;
  options.retain_records_max = config.retain_records_max;
  options.retain_days_max = static_cast<uint32_t>(config.retain_days_max);
  return options;
}

// Kept for segments, rings and whatever sealing opens for a moment: half of a small limit, so many of a large one.
constexpr uint64_t kDescriptorsKept = 4096;

// Clients must not get every descriptor there is: posts would stop because nothing can be sealed.
Config fit_connections(Config config) {
  const uint64_t limit = io::raise_descriptor_limit();
  const uint64_t per_shard =
      std::max<uint64_t>(1, (limit - std::min(limit / 2, kDescriptorsKept)) / std::max<uint64_t>(1, config.shards));
  if (config.connections_max > per_shard) {
    safe_log::warn(
        "connections_max is {}, but this process may open {} descriptors: each shard takes {} connections. "
        "Raise the limit (ulimit -n, or LimitNOFILE= in the unit) for more",
        config.connections_max, limit, per_shard);
    config.connections_max = per_shard;
  }
  return config;
}

// The native API's own, then those of private retrieval.
std::vector<http::SchemeEntry> scheme_entries(const Config& config) {
  std::vector<http::SchemeEntry> entries = http::schemes(config.leaky_modes);
  for (const std::string& name : config.schemes) {
    const pir::Info& info = pir::find_scheme(name)->info();
    const bool leaks = info.leakage.any();
    entries.push_back({info.name, pir::name(info.trust),
                       leaks ? info.leakage.note : "that somebody asked, when, and over which public range", true});
  }
  return entries;
}

retrieval::Service::Options retrieval_options(const Config& config, const std::string& host, uint32_t row_bytes) {
  retrieval::Service::Options options;
  options.row_bytes = row_bytes;
  options.server = host;
  for (const std::string& name : config.schemes) options.schemes.push_back(pir::find_scheme(name));
  options.rows_max = config.database_rows_max;
  options.memory_bytes_max = config.database_bytes_max;
  options.polls = config.polls;
  options.poll_bytes_max = config.poll_bytes_max;
  options.threads = static_cast<uint32_t>(config.query_threads);
  options.queue.queries_max = config.queries_max;
  options.queue.window_ns = config.batch_window_ms * kMillisecond;
  return options;
}

io::Backend backend_of(const std::string& name) {
  if (name == "uring") return io::Backend::uring;
  if (name == "epoll") return io::Backend::epoll;
  return io::Backend::automatic;
}

OrText<void> write_config(io::Files& files, const std::string& directory, const Config& config) {
  const std::string path = directory + "/cwtchd.toml";
  const Result<io::File> file = files.open(path, {.write = true, .create = true});
  if (!file) return wrong(path + ": " + file.error().message());
  const io::OpenFile open(files, *file);
  const std::string text = commented_toml(config);
  if (const Status s = files.write(*file, bytes_of(text), 0); !s) return wrong(path + ": " + s.error().message());
  if (const Status s = files.sync(*file); !s) return wrong(path + ": " + s.error().message());
  return {};
}

}  // namespace

OrText<void> Server::init(const std::string& directory, const Config& config) {
  if (sodium_init() < 0) return wrong("libsodium cannot be initialised");
  io::Files& files = io::system_files();
  SystemRandom random;
  if (const Status made = files.make_directory(directory); !made)
    return wrong(directory + ": " + made.error().message());
  const Result<std::vector<std::string>> names = files.list(directory);
  if (!names) return wrong(directory + ": " + names.error().message());
  if (!names->empty())
    return wrong(directory +
                 " is not empty. An identity is never made twice: take another directory, or serve this one");
  // The keys come last: a directory with keys is a whole server.
  if (const auto written = write_config(files, directory, config); !written) return written;
  const std::string log = log_path(directory);
  if (const Status made = files.make_directory(log); !made) return wrong(log + ": " + made.error().message());
  if (const Status made = log::Log::create(files, random, log, log_options(config)); !made)
    return wrong(log + ": " + made.error().message());
  if (const Status made = create_keys(files, random, directory); !made)
    return wrong(directory + "/keys: " + made.error().message());
  return {};
}

Server::Server(Config config, const Clock& clock)
    : config_(std::move(config)),
      clock_(clock),
      context_{.config = config_,
               .files = io::system_files(),
               .log = nullptr,
               .admission = admission_of(config_.admission),
               .query_admission = admission_of(config_.query_admission),
               .server_document = {},
               .shards = {},
               .writer = nullptr,
               .stopping = false,
               .posting_shards = 0} {}

board::Admission& Server::admission_of(std::string_view policy) {
  return policy == "open" ? static_cast<board::Admission&>(open_admission_) : closed_admission_;
}

Server::~Server() {
  stop();
  join();
}

OrText<std::unique_ptr<Server>> Server::open(const std::string& directory, const Config& config, const Clock& clock) {
  if (sodium_init() < 0) return wrong("libsodium cannot be initialised");
  if (const auto checked = check(config); !checked) return wrong(checked.error());
  std::unique_ptr<Server> server(new Server(fit_connections(config), clock));
  server->directory_ = directory;
  std::string which;
  Result<Keys> keys = load_keys(io::system_files(), directory, &which);
  if (!keys) {
    return wrong(which + ": " + keys.error().message() +
                 (keys.error().code == Errc::not_found ? ". Make a server first: cwtchd init " + directory : ""));
  }
  server->keys_ = std::move(*keys);
  Result<std::unique_ptr<log::Log>> log = log::Log::open(io::system_files(), server->clock_, server->random_,
                                                         log_path(directory), log_options(config), &which);
  if (!log) {
    std::string text = which + ": " + log.error().message();
    if (log.error().code == Errc::busy) text += ". Another cwtchd serves this directory; stop it first";
    if (log.error().code == Errc::corrupt)
      text += ". Acknowledged records may be lost: restore this file from a backup; `cwtchd verify` lists all damage";
    return wrong(text);
  }
  server->log_ = std::move(*log);

  ShardContext& context = server->context_;
  context.log = server->log_->shared();
  server->schemes_ = scheme_entries(config);
  const log::Options& options = server->log_->options();
  context.server_document = {.server_key = server->keys_.token_board.public_key,
                             .host = server->keys_.token_board.hostname,
                             .token_key = server->keys_.token_service.public_key,
                             .api_key = server->keys_.native_api.public_key,
                             .admission = context.admission.name(),
                             .query_admission = context.query_admission.name(),
                             .chunk_bytes = options.chunk_bytes,
                             .row_bytes = options.row_bytes,
                             .seal_records = options.seal_records,
                             .seal_records_hour_min = options.seal_records_hour_min,
                             .retain_bytes_max = options.retain_bytes_max,
                             .retain_records_max = options.retain_records_max,
                             .retain_days_max = options.retain_days_max,
                             .heartbeat_s = static_cast<uint32_t>(config.heartbeat_s),
                             .first_retained = {},
                             .committed_end = {},
                             .schemes = server->schemes_};
  if (!config.schemes.empty()) {
    server->retrieval_ = std::make_unique<retrieval::Service>(
        retrieval_options(config, server->keys_.token_board.hostname, options.row_bytes), io::system_files(),
        server->clock_, context.log, static_cast<uint32_t>(config.shards), &context, &Server::queries_answered,
        &Server::report_retrieval);
    context.retrieval = server->retrieval_.get();
  }

  std::vector<io::Address> addresses;
  for (const std::string& address : config.listen) addresses.push_back({address});
  for (uint32_t i = 0; i < config.shards; ++i) {
    io::IoOptions io_options;
    io_options.backend = backend_of(config.io);
    Result<std::unique_ptr<io::Io>> io = io::make_io(io_options);
    if (!io) return wrong(io.error().message());
    const bool writer = i == config.writer_shard;
    context.shards.push_back(
        std::make_unique<Shard>(context, i, std::move(*io), writer ? server->log_.get() : nullptr));
    if (writer) context.writer = context.shards.back().get();
    if (const Status listening = context.shards.back()->listen(addresses); !listening)
      return wrong("cannot listen: " + listening.error().message() +
                   ". Is another server there? --listen takes another address");
    // Port 0: the first shard's choice is everybody's.
    for (size_t a = 0; a < addresses.size(); ++a) addresses[a] = context.shards.back()->address(a);
  }
  for (const io::Address& address : addresses)
    server->urls_.push_back(address.text.starts_with("unix:") ? address.text : "http://" + address.text);
  return server;
}

OrText<void> Server::start() {
  context_.posting_shards = static_cast<uint32_t>(context_.shards.size());
  if (!config_.admin_socket.empty()) {
    const std::string path =
        config_.admin_socket.front() == '/' ? config_.admin_socket : directory_ + "/" + config_.admin_socket;
    admin_ = std::make_unique<Admin>(context_, clock_);
    if (const Status started = admin_->start(path); !started) return wrong(path + ": " + started.error().message());
  }
  if (retrieval_ != nullptr) retrieval_->start();
  for (const auto& shard : context_.shards) threads_.emplace_back([&shard] { shard->run(); });
  safe_log::info("serving records {} to {} on {} shards, by {}", context_.log->layout()->first_retained.value,
                 context_.log->committed().end.value, context_.shards.size(), io_name());
  return {};
}

void Server::stop() {
  if (threads_.empty() || context_.stopping.exchange(true)) return;
  for (const auto& shard : context_.shards) shard->wake(nullptr);
}

void Server::queries_answered(void* context, uint32_t shard) {
  static_cast<ShardContext*>(context)->shards[shard]->wake(nullptr);
}

void Server::report_retrieval(void*, const std::string& what) {
  safe_log::warn("private retrieval: {}", safe_log::Public{what});
}

void Server::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (retrieval_ != nullptr) retrieval_->stop();
  if (admin_ != nullptr) admin_->stop();
}

}  // namespace cwtch::server
