// Which connections this node has with each of the others, so that a pair of nodes ends with one that both
// sides use. CAF lets either handshake make a node known and ignores what comes second: a connection made
// while the other side still holds an older one, or that crosses one in the other direction, is used by one
// side alone, dies of silence after seconds, and meets its like again (libcaf_io, basp/instance.cpp). So the
// side that is dialled asks this table first. Names are those of nodes; an operator's command has none and is
// never refused here. Thread-safe; time is an argument.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace shardyard::net {

/// What the dialling side says of itself before it is let in.
struct peer_greeting {
  std::string node;    ///< empty: an operator's command
  bool linked = false; ///< it has a connection with us and wants to look something up only
};

class link_table : public std::enable_shared_from_this<link_table> {
public:
  using time = std::chrono::steady_clock::time_point;
  /// Of connections younger than this the other side may not know yet.
  static constexpr std::chrono::milliseconds fresh{1000};

  /// `own`: name of this node.
  explicit link_table(std::string own) : own_{std::move(own)} {}

  const std::string& own() const { return own_; }

  /// What ends a connection: called from any thread while the connection is remembered, never after.
  using end = std::function<void()>;
  /// Remembers a connection until it is dropped.
  using held = std::shared_ptr<void>;

  /// Dialling side: what to say to the node that was found behind the address, or false and `why`.
  bool greet(const std::string& node, time now, peer_greeting& greeting, std::string& why) const;
  /// Dialling side, let in. Null and `why` when the connection is to be closed all the same: of two that
  /// crossed the one stays that the node with the lesser name has dialled, and the other one is ended.
  held dialled(const std::string& node, end close, time now, std::string& why);

  /// Dialled side. Null and `why` when `from` is not let in now: older connections of which it says that it
  /// has none are ended first, and it is to dial again.
  held accepted(const peer_greeting& from, end close, time now, std::string& why);

private:
  struct link {
    bool dialled;
    end close;
    time since;
  };

  /// `mutex_` is held.
  held remember(const std::string& node, link x);
  std::list<link>* of(const std::string& node);

  const std::string own_;
  mutable std::mutex mutex_;
  std::map<std::string, std::list<link>> links_;
};

} // namespace shardyard::net
