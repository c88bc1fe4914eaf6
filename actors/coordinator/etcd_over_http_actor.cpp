#include "actors/coordinator/etcd_over_http.hpp"

namespace shardyard {

etcd_connect etcd_over_http(net::http_caller_settings settings) {
  net::http_caller{settings}; // wrong settings are told now, not by the first call
  return [settings = std::move(settings)]() -> etcd_post {
    auto caller = std::make_shared<net::http_caller>(settings);
    return [caller](const std::string& path, const std::string& body, const std::string& authorization,
                    std::chrono::milliseconds limit) {
      auto answer = caller->post(path, body, authorization, limit);
      return etcd_answer{answer.status, std::move(answer.body), std::move(answer.trouble)};
    };
  };
}

} // namespace shardyard
