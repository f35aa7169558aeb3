// The files of selection/rankings/ as text, put into the library by selection/CMakeLists.txt.
#pragma once

#include <string>
#include <vector>

namespace trady {

struct EmbeddedRanking {
  std::string file_name;
  std::string json;
};

std::vector<EmbeddedRanking> embedded_rankings();

}  // namespace trady
