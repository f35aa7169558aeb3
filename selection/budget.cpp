#include "selection/budget.h"

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/error.h"

namespace trady {
namespace {

constexpr int64_t kBytesPerElement = 4;
/// Far above any memory, far below int64 overflow, and exact in a double.
constexpr double kLargest = 9007199254740992.0;  // 2^53

constexpr std::array<std::pair<std::string_view, int64_t>, 8> kUnits{{{"B", 1},
                                                                      {"kB", 1000},
                                                                      {"KB", 1000},
                                                                      {"KiB", 1 << 10},
                                                                      {"MB", 1000000},
                                                                      {"MiB", 1 << 20},
                                                                      {"GB", 1000000000},
                                                                      {"GiB", 1 << 30}}};

struct NumberAndUnit {
  double number = 0;
  bool is_whole = false;
  std::string_view unit;
};

/// Splits "4.5MiB" into 4.5 and "MiB"; blanks between them are allowed. Nothing if it does not
/// start with a plain decimal number.
std::optional<NumberAndUnit> split(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  NumberAndUnit result;
  const auto [stop, error] =
      std::from_chars(text.data(), text.data() + end, result.number, std::chars_format::fixed);
  if (error != std::errc() || stop != text.data() + end) return std::nullopt;
  result.is_whole = text.substr(0, end).find('.') == std::string_view::npos;
  const size_t unit = text.find_first_not_of(' ', end);
  if (unit != std::string_view::npos) result.unit = text.substr(unit);
  return result;
}

std::optional<int64_t> unit_bytes(std::string_view unit) {
  for (const auto& [name, bytes] : kUnits) {
    if (name == unit) return bytes;
  }
  return std::nullopt;
}

/// Rounded down; `number` is not negative.
int64_t to_integer(double number, const std::string& option, const std::string& text) {
  if (number > kLargest) fail("[", option, "] \"", text, "\" is too large");
  return static_cast<int64_t>(number);
}

constexpr const char* kBudgetForms =
    "write elements per sample (27946), a size (110KiB, 4 bytes an element) or a share of the "
    "network's total (2%)";

int64_t budget_elements(const std::string& text, const CostModel& costs) {
  const auto parsed = split(text);
  if (!parsed) fail("[--budget] cannot read \"", text, "\"; ", kBudgetForms);
  if (parsed->unit.empty()) {
    if (!parsed->is_whole) {
      fail("[--budget] \"", text, "\" is not a whole number of elements; ", kBudgetForms);
    }
    return to_integer(parsed->number, "--budget", text);
  }
  if (parsed->unit == "%") {
    const double total = static_cast<double>(costs.network().total());
    return to_integer(total * parsed->number / 100, "--budget", text);
  }
  const auto bytes = unit_bytes(parsed->unit);
  if (!bytes)
    fail("[--budget] unknown unit \"", parsed->unit, "\" in \"", text, "\"; ", kBudgetForms);
  return to_integer(parsed->number * static_cast<double>(*bytes), "--budget", text) /
         kBytesPerElement;
}

}  // namespace

int64_t parse_budget(const std::string& text, const CostModel& costs) {
  const int64_t elements = budget_elements(text, costs);
  require_unit_fits(elements, costs, costs.all_convs());
  return elements;
}

void require_unit_fits(int64_t budget_elements, const CostModel& costs, std::span<const int> pool) {
  const int conv = costs.cheapest_conv(pool);
  const int64_t cost = costs.unit(conv).total();
  if (budget_elements >= cost) return;
  fail("[--budget] ", budget_elements, " elements per sample (", budget_elements * kBytesPerElement,
       " bytes) hold no channel: the cheapest one costs ", cost, " (conv ", conv, ", ",
       costs.convs()[conv].name, "); raise the budget or use --method head");
}

int64_t parse_bytes(const std::string& text, const std::string& option) {
  const auto parsed = split(text);
  if (!parsed || !unit_bytes(parsed->unit)) {
    fail("[", option, "] cannot read \"", text,
         "\" as a size; write a number with a unit, such as 6MiB (B, KB, KiB, MB, MiB, GB, GiB)");
  }
  const double bytes = parsed->number * static_cast<double>(*unit_bytes(parsed->unit));
  const int64_t rounded = to_integer(bytes, option, text);
  if (rounded == 0) fail("[", option, "] \"", text, "\" is no memory at all; give a size above 0");
  return rounded;
}

}  // namespace trady
