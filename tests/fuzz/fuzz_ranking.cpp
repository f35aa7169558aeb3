// A ranking of layers: what is accepted can be written and read back.
#include "selection/ranking.h"
#include "tests/fuzz/target.h"

namespace trady::fuzz {

void run_target(std::span<const uint8_t> input) {
  const Ranking ranking = parse_ranking(std::string(input.begin(), input.end()), "input");
  const Ranking again = parse_ranking(ranking_to_json(ranking), "written");
  require(again == ranking, "a ranking that is written and read is the same");
}

}  // namespace trady::fuzz
