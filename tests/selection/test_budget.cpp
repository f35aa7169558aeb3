#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <vector>

#include "engine/error.h"
#include "selection/budget.h"
#include "tests/selection/networks.h"

using namespace trady;
using namespace trady::test;
using Catch::Contains;

namespace {

const CostModel& mbv2_costs() {
  static const CostModel costs(convs_of(mbv2(), 128));
  return costs;
}

}  // namespace

TEST_CASE("a budget is read in elements, bytes or percent") {
  const CostModel& costs = mbv2_costs();
  CHECK(parse_budget("27946", costs) == 27946);
  CHECK(parse_budget("110KiB", costs) == 110 * 1024 / 4);
  CHECK(parse_budget("110 KiB", costs) == 110 * 1024 / 4);
  CHECK(parse_budget("110KB", costs) == 110 * 1000 / 4);
  CHECK(parse_budget("110kB", costs) == 110 * 1000 / 4);
  CHECK(parse_budget("1.5MiB", costs) == 3 * 512 * 1024 / 4);
  CHECK(parse_budget("1MB", costs) == 250000);
  CHECK(parse_budget("1003B", costs) == 250);  // rounded down: never above what was asked for
  CHECK(parse_budget("2%", costs) == 24007);   // of 1,200,352
  CHECK(parse_budget("2.5 %", costs) == 30008);
  CHECK(parse_budget("100%", costs) == 1200352);
  CHECK(parse_budget("250%", costs) == 3000880);
  CHECK(parse_budget("9000000", costs) == 9000000);  // everything fits
}

TEST_CASE("a budget that is no budget is refused with the forms that are") {
  const CostModel& costs = mbv2_costs();
  for (const char* text :
       {"",     " ",     "-5", "-2%", "abc", "KiB", "%",   "27,946",         "1e5",
        "0x10", "1.2.3", "+7", ".",   "nan", "inf", "5 5", "27946 elements", "2%%",
        "5TiB", "5kib"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_budget(text, costs), Contains("--budget") && Contains("27946") &&
                                                     Contains("110KiB") && Contains("2%"));
  }
  CHECK_THROWS_WITH(parse_budget("27946.5", costs), Contains("whole number"));
  CHECK_THROWS_WITH(parse_budget("99999999999999999999999", costs), Contains("too large"));
  CHECK_THROWS_WITH(parse_budget("99999999999999GiB", costs), Contains("too large"));
}

TEST_CASE("a budget below the cheapest unit names its cost and layer") {
  const CostModel& costs = mbv2_costs();
  // The depthwise convs of the last stage: 9 weights and 4 x 4 inputs.
  CHECK(parse_budget("25", costs) == 25);
  for (const char* text : {"0", "24", "0%", "99B", "0.001%"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_budget(text, costs),
                      Contains("costs 25") && Contains("conv 43") && Contains("conv43"));
  }
  const std::vector<int> pool{0, 2};
  CHECK_NOTHROW(require_unit_fits(4104, costs, pool));  // conv 2: 8 weights and 64 x 64 inputs
  CHECK_THROWS_WITH(require_unit_fits(4103, costs, pool), Contains("4104") && Contains("conv 2"));
}

TEST_CASE("sizes in bytes need a unit") {
  CHECK(parse_bytes("6MiB", "--memory-limit") == 6 << 20);
  CHECK(parse_bytes("4.5MiB", "--memory-limit") == 9 << 19);
  CHECK(parse_bytes("2 GB", "--memory-limit") == 2000000000);
  CHECK(parse_bytes("1B", "--memory-limit") == 1);
  for (const char* text : {"", "6", "6M", "MiB", "-6MiB", "6 mib", "1e3KB", "6MiBs"}) {
    INFO(text);
    CHECK_THROWS_WITH(parse_bytes(text, "--memory-limit"),
                      Contains("--memory-limit") && Contains("6MiB"));
  }
  CHECK_THROWS_WITH(parse_bytes("0MiB", "--memory-limit"), Contains("no memory"));
  CHECK_THROWS_WITH(parse_bytes("0.2B", "--memory-limit"), Contains("no memory"));
  CHECK_THROWS_WITH(parse_bytes("99999999999GiB", "--cache"), Contains("--cache"));
}
