#include "apps/config_toml.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace shardyard {
namespace {

class reader {
public:
  explicit reader(std::string file_name) : file_name_(std::move(file_name)) {}

  void document(const toml::table& root) {
    for (auto& [name, node] : root) {
      if (name.str() == "sink")
        sinks(node);
      else if (auto table = node.as_table())
        section(std::string{name.str()}, *table);
      else
        result_.settings.push_back({std::string{name.str()}, value(node), place(node)});
    }
  }

  void fail(const toml::source_region& where, std::string text) {
    result_.errors.push_back(place(where) + ": " + std::move(text));
  }

  toml_settings take() { return std::move(result_); }

private:
  std::string place(const toml::source_region& where) const {
    return file_name_ + ':' + std::to_string(where.begin.line);
  }
  std::string place(const toml::node& node) const { return place(node.source()); }

  void section(const std::string& prefix, const toml::table& table) {
    for (auto& [name, node] : table)
      result_.settings.push_back({prefix + '.' + std::string{name.str()}, value(node), place(node)});
  }

  void sinks(const toml::node& node) {
    auto list = node.as_array();
    if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
      fail(node.source(), "sinks are written as [[sink]], with double brackets");
      return;
    }
    for (auto& sink : *list)
      section("sink." + std::to_string(result_.sinks++), *sink.as_table());
  }

  static config_value value(const toml::node& node) {
    if (auto text = node.as_string())
      return text->get();
    if (auto whole = node.as_integer())
      return whole->get();
    if (auto number = node.as_floating_point())
      return number->get();
    if (auto flag = node.as_boolean())
      return flag->get();
    auto list = node.as_array();
    if (list == nullptr || (!list->empty() && !list->is_homogeneous(toml::node_type::string)))
      return foreign_value{node.is_table()   ? "a table"
                           : list != nullptr ? "a list of other values"
                                             : "a date or time"};
    std::vector<std::string> texts;
    for (auto& item : *list)
      texts.push_back(item.as_string()->get());
    return texts;
  }

  std::string file_name_;
  toml_settings result_;
};

} // namespace

toml_settings read_toml(std::string_view text, const std::string& file_name) {
  reader read{file_name};
  auto parsed = toml::parse(text);
  if (parsed)
    read.document(parsed.table());
  else
    read.fail(parsed.error().source(), std::string{parsed.error().description()});
  return read.take();
}

} // namespace shardyard
