// The answer to a request that is not carried out. Nothing is refused without a reason and a way on.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace shardyard {

struct refusal {
  std::string why;     ///< what stands against it, with the figures
  std::string instead; ///< what the operator can do
};

template <class T>
using result_or_refusal = std::variant<T, refusal>;

template <class T>
const refusal* refused(const result_or_refusal<T>& x) {
  return std::get_if<refusal>(&x);
}

} // namespace shardyard
