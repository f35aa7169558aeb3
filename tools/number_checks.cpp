#include "tools/number_checks.h"

#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

#include "engine/error.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

/// The whole text as a number; nothing for anything else and for what the type cannot hold.
template <typename Number>
std::optional<Number> parse(const std::string& text) {
  Number value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `kind` and `range` in words; the help shows the range. Text that converts otherwise elsewhere,
/// as 010 does where it counts as octal, is replaced by `canonical` of its value.
template <typename Number, typename Accepts, typename Canonical>
CLI::Validator number_check(const std::string& kind, const std::string& range, Accepts accepts,
                            Canonical canonical) {
  const auto check = [=](std::string& text) {
    constexpr size_t kShown = 40;
    const std::optional<Number> value = parse<Number>(text);
    if (!value || !accepts(*value)) {
      return concat("expected ", kind, " ", range, ", got '", shortened(text, kShown), "'");
    }
    text = canonical(text, *value);
    return std::string();
  };
  return {check, range};
}

template <typename Number>
CLI::Validator whole_check(Number least, Number most) {
  return number_check<Number>(
      "a whole number", concat("from ", least, " to ", most),
      [=](Number value) { return least <= value && value <= most; },
      [](const std::string&, Number value) { return std::to_string(value); });
}

template <typename Accepts>
CLI::Validator real_check(const std::string& range, Accepts accepts) {
  return number_check<double>("a number", range, accepts,
                              [](const std::string& text, double) { return text; });
}

}  // namespace

CLI::Validator whole_number(int64_t least, int64_t most) {
  return whole_check<int64_t>(least, most);
}

CLI::Validator seed_number() {
  return whole_check<uint64_t>(0, std::numeric_limits<uint64_t>::max());
}

CLI::Validator real_number(double least, double most) {
  return real_check(concat("from ", least, " to ", most),
                    [=](double value) { return least <= value && value <= most; });
}

CLI::Validator positive_number(double most) {
  return real_check(concat("above 0 and at most ", most),
                    [=](double value) { return 0 < value && value <= most; });
}

}  // namespace trady::tools
