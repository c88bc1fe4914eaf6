#include "net/link_table.hpp"

#include <algorithm>

namespace shardyard::net {

link_table::held link_table::remember(const std::string& node, link x) {
  auto& links = links_[node];
  auto place = links.insert(links.end(), std::move(x));
  // Not null, though nothing is pointed to that anybody reads.
  return {static_cast<void*>(this), [self = shared_from_this(), node, place](void*) {
            std::unique_lock guard{self->mutex_};
            auto found = self->links_.find(node);
            found->second.erase(place);
            if (found->second.empty())
              self->links_.erase(found);
          }};
}

std::list<link_table::link>* link_table::of(const std::string& node) {
  auto found = links_.find(node);
  return found == links_.end() ? nullptr : &found->second;
}

bool link_table::greet(const std::string& node, time now, peer_greeting& greeting, std::string& why) const {
  std::unique_lock guard{mutex_};
  auto found = links_.find(node);
  auto known = found != links_.end();
  if (known && std::ranges::any_of(found->second, [now](auto& x) { return now - x.since < fresh; })) {
    why = "a connection with it was made a moment ago";
    return false;
  }
  greeting = {own_, known};
  return true;
}

link_table::held link_table::dialled(const std::string& node, end close, time now, std::string& why) {
  std::unique_lock guard{mutex_};
  if (auto links = of(node))
    for (auto& x : *links) {
      if (x.dialled || now - x.since >= fresh)
        continue;
      if (node < own_) {
        why = "it has reached this node itself meanwhile";
        return nullptr;
      }
      x.close();
    }
  return remember(node, {true, std::move(close), now});
}

link_table::held link_table::accepted(const peer_greeting& from, end close, time now, std::string& why) {
  std::unique_lock guard{mutex_};
  auto links = from.linked ? nullptr : of(from.node);
  if (!links)
    return remember(from.node, {false, std::move(close), now});
  why = "an earlier connection with it is ended first";
  for (auto& x : *links)
    if (now - x.since >= fresh)
      x.close();
    else
      why = "a connection with it was made a moment ago";
  return nullptr;
}

} // namespace shardyard::net
