#include "bench/day/fast_server.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

#include "engine/server/safe_log.hpp"

namespace cwtch::bench {
namespace {

// Ten minutes: 28 parts take five seconds with AVX-512 on one core, and the scalar kernels twenty times as long.
constexpr auto kPause = std::chrono::milliseconds(100);
constexpr int kAttempts = 6000;

template <class T>
T need(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().message());
  return std::move(*result);
}
template <class T>
T need(OrText<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// What an operator would have who wants nothing but polls of ring32, and no window that grows into the next hour.
server::Config config() {
  server::Config config;
  config.listen = {"127.0.0.1:0"};
  config.schemes = {"ring32"};
  config.admin_socket = "";
  config.seal_records_hour_min = 1;  // or an hour with a few records behind its last seal would not be whole
  return config;
}

// Are these the databases of the time after `hour`?
bool offered(const client::OfferList& list, uint32_t hour) {
  if (list.windows.windows.empty() || list.windows.windows.back().hour != hour || list.offers.empty()) return false;
  const client::SchemeOffer& offer = list.offers.front();
  return offer.hot.has_value() == pir::hot_database(list.windows, list.row_bytes).has_value() &&
         offer.day.has_value() == pir::day_database(list.windows, list.row_bytes).has_value();
}

}  // namespace

FastServer::FastServer(const std::string& directory, uint32_t hour) : clock_(hour) {
  safe_log::start(safe_log::Level::warn);
  need(server::Server::init(directory, config()), "server");
  server_ = need(server::Server::open(directory, config(), clock_), "server");
  need(server_->start(), "server");
  endpoint_ = need(client::parse_endpoint(url()), url());
  host_ = need(client::ServerLink(dialer_, endpoint_).facts(), url()).host;
}

void FastServer::begin(uint32_t hour) {
  const uint32_t over = clock_.hour();
  clock_.step_to(hour);
  client::ServerLink link(dialer_, endpoint_);
  for (int i = 0; i < kAttempts; ++i) {
    if (offered(need(link.offers(), url()), over)) return;
    std::this_thread::sleep_for(kPause);
  }
  throw std::runtime_error("the server does not offer the databases of the hour that is over");
}

}  // namespace cwtch::bench
