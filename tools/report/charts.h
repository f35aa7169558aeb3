// Charts as SVG, drawn so that they are read without colours too: every line is named at its end.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace trady::tools {

/// One value an x = 0, 1, ...; where there is none, the line has a gap.
struct Series {
  std::string name;
  std::vector<std::optional<double>> values;
};

struct ChartText {
  std::string title;
  std::string x, y;                  ///< what the axes show
  std::vector<std::string> x_names;  ///< of every x, shown on hovering; empty: its number
};

/// From 0, or the least value where that is negative.
std::string line_chart(const ChartText& text, const std::vector<Series>& series);

/// The series on top of each other, the first at the bottom.
std::string stacked_chart(const ChartText& text, const std::vector<Series>& series);

/// Rows of cells, dark where the value is 1, white where it is 0. `hints` are shown on hovering.
struct HeatMap {
  std::string title;
  std::vector<std::string> rows, columns;
  std::vector<std::vector<double>> values;      ///< [row][column]
  std::vector<std::vector<std::string>> hints;  ///< the same
  bool shows_hints = false;                     ///< writes them into the cells as well
};
std::string heat_map(const HeatMap& map);

}  // namespace trady::tools
