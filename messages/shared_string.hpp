// Text that never changes and whose copies share it: a session's id stands in every block of the session, and
// copying it would cost an allocation per block. Copies may be used from several threads.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>

namespace shardyard {

class shared_string {
public:
  shared_string() = default;
  shared_string(std::string x)
      : text_(x.empty() ? nullptr : std::make_shared<const std::string>(std::move(x))) {}
  shared_string(const char* x) : shared_string(std::string{x}) {}

  const std::string& str() const {
    static const std::string none;
    return text_ ? *text_ : none;
  }
  operator const std::string&() const { return str(); }
  operator std::string_view() const { return str(); }
  bool empty() const { return !text_; }
  std::size_t size() const { return str().size(); }

  friend bool operator==(const shared_string& x, const shared_string& y) {
    return x.text_ == y.text_ || x.str() == y.str();
  }
  friend bool operator==(const shared_string& x, const std::string& y) { return x.str() == y; }
  friend bool operator==(const shared_string& x, std::string_view y) { return x.str() == y; }
  friend bool operator==(const shared_string& x, const char* y) { return x.str() == y; }
  friend std::strong_ordering operator<=>(const shared_string& x, const shared_string& y) {
    return x.str() <=> y.str();
  }

private:
  std::shared_ptr<const std::string> text_; ///< null: empty
};

template <class Inspector>
bool inspect(Inspector& f, shared_string& x) {
  auto get = [&x] { return x.str(); };
  auto set = [&x](std::string y) {
    x = std::move(y);
    return true;
  };
  return f.apply(get, set);
}

} // namespace shardyard
