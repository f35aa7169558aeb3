// Text for people: aligned tables and numbers that can be read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trady::tools {

/// "27,946".
std::string thousands(int64_t value);
/// Fixed point, e.g. fixed(12.345, 1) is "12.3".
std::string fixed(double value, int digits);
/// "12.3 %" of a share between 0 and 1.
std::string percent(double share, int digits = 1);
/// "4.50 MiB".
std::string mebibytes(double bytes);
/// Without what a terminal would obey: control characters except newlines and tabs become '?'.
std::string printable(std::string_view text);
/// One line without control characters, at most `limit` characters of it.
std::string shortened(std::string_view text, size_t limit);

/// As a POSIX shell reads it back as one word.
std::string shell_word(const std::string& word);

/// Columns as wide as their widest cell, two spaces apart.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One cell a column.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Titles and rows, every line begun with `indent` and ended with a newline.
  std::string text(std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace trady::tools
