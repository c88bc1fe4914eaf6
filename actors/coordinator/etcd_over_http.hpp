// Joins the etcd store, which knows no socket, to real servers.
#pragma once

#include "actors/coordinator/etcd_store.hpp"
#include "net/http_caller.hpp"

namespace shardyard {

/// Each connection calls the endpoints in turn. Throws std::runtime_error as http_caller does.
etcd_connect etcd_over_http(net::http_caller_settings settings);

} // namespace shardyard
