#include "tools/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace trady::tools {

std::string thousands(int64_t value) {
  std::string digits = std::to_string(value);
  const int64_t first = value < 0 ? 1 : 0;
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<size_t>(at), ",");
  }
  return digits;
}

std::string fixed(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string percent(double share, int digits) {
  return fixed(100 * share, digits) + " %";
}

std::string mebibytes(double bytes) {
  return fixed(bytes / (1 << 20), 2) + " MiB";
}

std::string printable(std::string_view text) {
  std::string result(text);
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(result[i]); };
  for (size_t i = 0; i < result.size(); ++i) {
    const bool low = byte(i) < ' ' && result[i] != '\n' && result[i] != '\t';
    if (low || result[i] == '\x7f') result[i] = '?';
    // In UTF-8 there are more of them behind the byte C2; the other letters' bytes are no controls.
    if (i > 0 && byte(i - 1) == 0xC2 && byte(i) >= 0x80 && byte(i) < 0xA0) {
      result[i - 1] = result[i] = '?';
    }
  }
  return result;
}

std::string shortened(std::string_view text, size_t limit) {
  constexpr std::string_view kDots = "...";
  std::string line = printable(text.substr(0, limit));
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\t'; }, '?');
  if (text.size() <= limit) return line;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  size_t end = limit - kDots.size();
  while (end > 0 && continues(line[end])) --end;  // never half of a letter
  line.resize(end);
  return line.append(kDots);
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,%+@";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string Table::text(std::string_view indent) const {
  std::vector<std::string> titles;
  std::vector<size_t> widths;
  for (const Column& column : columns_) titles.push_back(column.title);
  for (size_t i = 0; i < titles.size(); ++i) {
    widths.push_back(titles[i].size());
    for (const auto& row : rows_) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  const auto append = [&](const std::vector<std::string>& row) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line.append(2, ' ');
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += columns_[i].align == Align::left ? row[i] + padding : padding + row[i];
    }
    line.resize(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  append(titles);
  for (const auto& row : rows_) append(row);
  return out;
}

}  // namespace trady::tools
