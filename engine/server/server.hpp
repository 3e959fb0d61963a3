// A whole server: keys, log, shards, administration. The composition root; nobody includes it but the program.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/server/admin.hpp"
#include "engine/server/config.hpp"
#include "engine/server/keys.hpp"
#include "engine/server/shard.hpp"

namespace cwtch::server {

class Server {
 public:
  // Makes keys and an empty log in `directory`, which is made if it is not there, and the commented cwtchd.toml with
  // what `config` has changed. Text for the operator when something is there already.
  static OrText<void> init(const std::string& directory, const Config& config);

  // Opens the directory and listens; nothing is served before run().
  // `clock` outlives the server: hours that pass faster are how a day is tested.
  static OrText<std::unique_ptr<Server>> open(const std::string& directory, const Config& config,
                                              const Clock& clock = system_clock());
  ~Server();

  // "http://127.0.0.1:7140", one per listener.
  const std::vector<std::string>& urls() const { return urls_; }
  const char* io_name() const { return context_.shards.front()->io_name(); }
  log::Statistics log_statistics() const { return log_->statistics(); }

  // Starts the threads. Signals that the caller has blocked stay blocked in them.
  OrText<void> start();
  // Any thread: posts in flight are answered, streams end, then the threads do.
  void stop();
  void join();

 private:
  Server(Config config, const Clock& clock);
  board::Admission& admission_of(std::string_view policy);
  static void queries_answered(void* context, uint32_t shard);
  static void report_retrieval(void*, const std::string& what);

  const Config config_;
  const Clock& clock_;
  SystemRandom random_;
  std::string directory_;
  Keys keys_;
  std::unique_ptr<log::Log> log_;
  board::OpenAdmission open_admission_;
  board::ClosedAdmission closed_admission_;
  std::vector<http::SchemeEntry> schemes_;
  ShardContext context_;
  std::unique_ptr<retrieval::Service> retrieval_;  // after the context: its threads wake the shards
  std::vector<std::string> urls_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Admin> admin_;
};

}  // namespace cwtch::server
