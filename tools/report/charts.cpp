#include "tools/report/charts.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "tools/report/html.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

// Of the whole picture and of the frame within, in CSS pixels.
constexpr double kWidth = 720, kHeight = 300;
constexpr double kLeft = 76, kRight = 150, kTop = 34, kBottom = 44;

// Colour-blind safe (Okabe and Ito), then tints of them.
constexpr const char* kColors[] = {"#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
                                   "#999999", "#f0e442", "#004466", "#7a5500", "#00513b"};

const char* color(size_t i) {
  return kColors[i % std::size(kColors)];
}

std::string number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) {
    return thousands(static_cast<int64_t>(value));
  }
  return fixed(value, std::abs(value) < 10 ? 3 : 1);
}

std::string at(double value) {
  return fixed(value, 1);
}

/// 1, 2 or 5 times a power of ten, so that about five of them make `range`.
double tick_distance(double range) {
  const double rough = range / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10 * power;
}

class Frame {
 public:
  Frame(const ChartText& text, size_t count, double low, double high)
      : text_(text), count_(count), low_(low), high_(high > low ? high : low + 1) {}

  double x(size_t i) const {
    const double span = count_ > 1 ? static_cast<double>(count_ - 1) : 1;
    return kLeft + (kWidth - kLeft - kRight) * static_cast<double>(i) / span;
  }
  double y(double value) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (value - low_) / (high_ - low_);
  }

  std::string open() const {
    std::string svg =
        concat("<svg role=\"img\" viewBox=\"0 0 ", kWidth, " ", kHeight, "\" width=\"", kWidth,
               "\"><title>", html_text(text_.title), "</title><text class=\"title\" x=\"", kLeft,
               "\" y=\"18\">", html_text(text_.title), " (", html_text(text_.y), ")</text>");
    const double step = tick_distance(high_ - low_);
    for (double tick = std::ceil(low_ / step) * step; tick <= high_ * (1 + 1e-9); tick += step) {
      svg +=
          concat("<line class=\"grid\" x1=\"", kLeft, "\" x2=\"", kWidth - kRight, "\" y1=\"",
                 at(y(tick)), "\" y2=\"", at(y(tick)), "\"/><text class=\"tick\" x=\"", kLeft - 6,
                 "\" y=\"", at(y(tick) + 4), "\" text-anchor=\"end\">", number(tick), "</text>");
    }
    for (const size_t i : {size_t{0}, count_ - 1}) {
      svg += concat("<text class=\"tick\" text-anchor=\"middle\" x=\"", at(x(i)), "\" y=\"",
                    kHeight - kBottom + 16, "\">", html_text(name(i)), "</text>");
    }
    return svg + concat("<text class=\"tick\" text-anchor=\"middle\" x=\"",
                        at((kLeft + kWidth - kRight) / 2), "\" y=\"", kHeight - 8, "\">",
                        html_text(text_.x), "</text>");
  }
  std::string name(size_t i) const {
    return i < text_.x_names.size() ? text_.x_names[i] : concat(i);
  }
  /// Beside the end of a line; names that would overlap are pushed apart by the caller.
  std::string label(double y, size_t series, const std::string& name) const {
    return concat("<text class=\"label\" fill=\"", color(series), "\" x=\"", kWidth - kRight + 6,
                  "\" y=\"", at(y + 4), "\">", html_text(name), "</text>");
  }

 private:
  const ChartText& text_;
  size_t count_;
  double low_, high_;
};

size_t length_of(const std::vector<Series>& series) {
  size_t count = 1;
  for (const Series& one : series) count = std::max(count, one.values.size());
  return count;
}

/// Heights of labels, in the order of `wanted`, at least a line apart.
std::vector<double> spread(const std::vector<double>& wanted) {
  constexpr double kLine = 14;
  std::vector<size_t> order(wanted.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> heights = wanted;
  double least = kTop;
  for (const size_t i : order) {
    heights[i] = std::max(heights[i], least);
    least = heights[i] + kLine;
  }
  return heights;
}

}  // namespace

std::string line_chart(const ChartText& text, const std::vector<Series>& series) {
  double low = 0, high = 0;
  for (const Series& one : series) {
    for (const auto& value : one.values) {
      if (!value || !std::isfinite(*value)) continue;
      low = std::min(low, *value);
      high = std::max(high, *value);
    }
  }
  const Frame frame(text, length_of(series), low, high);
  std::string svg = frame.open();
  std::vector<double> ends;
  for (size_t s = 0; s < series.size(); ++s) {
    std::string path, dots;
    double end = frame.y(low);
    bool pen_down = false;
    for (size_t i = 0; i < series[s].values.size(); ++i) {
      const auto& value = series[s].values[i];
      if (!value || !std::isfinite(*value)) {
        pen_down = false;
        continue;
      }
      end = frame.y(*value);
      path += concat(pen_down ? "L" : "M", at(frame.x(i)), " ", at(end), " ");
      dots += concat("<circle r=\"3\" fill=\"", color(s), "\" cx=\"", at(frame.x(i)), "\" cy=\"",
                     at(end), "\"><title>", html_text(series[s].name), ", ",
                     html_text(frame.name(i)), ": ", number(*value), "</title></circle>");
      pen_down = true;
    }
    svg += concat("<path fill=\"none\" stroke-width=\"2\" stroke=\"", color(s), "\" d=\"", path,
                  "\"/>", dots);
    ends.push_back(end);
  }
  const std::vector<double> heights = spread(ends);
  for (size_t s = 0; s < series.size(); ++s) svg += frame.label(heights[s], s, series[s].name);
  return svg + "</svg>";
}

std::string stacked_chart(const ChartText& text, const std::vector<Series>& series) {
  const size_t count = length_of(series);
  std::vector<double> base(count, 0), top(count, 0);
  for (const Series& one : series) {
    for (size_t i = 0; i < one.values.size(); ++i) top[i] += one.values[i].value_or(0);
  }
  const Frame frame(text, count, 0, *std::ranges::max_element(top));
  std::string svg = frame.open();
  std::vector<double> middles;
  for (size_t s = 0; s < series.size(); ++s) {
    std::string upper, lower;
    for (size_t i = 0; i < count; ++i) {
      const double value = i < series[s].values.size() ? series[s].values[i].value_or(0) : 0;
      lower.insert(0, concat("L", at(frame.x(i)), " ", at(frame.y(base[i])), " "));
      base[i] += value;
      upper += concat(i == 0 ? "M" : "L", at(frame.x(i)), " ", at(frame.y(base[i])), " ");
      if (i + 1 == count) middles.push_back(frame.y(base[i] - value / 2));
    }
    svg += concat("<path fill=\"", color(s), "\" fill-opacity=\"0.8\" d=\"", upper, lower,
                  "Z\"><title>", html_text(series[s].name), "</title></path>");
  }
  const std::vector<double> heights = spread(middles);
  for (size_t s = 0; s < series.size(); ++s) svg += frame.label(heights[s], s, series[s].name);
  for (size_t i = 0; i < count; ++i) {
    const double width = std::max(1.0, frame.x(1) - frame.x(0));
    svg += concat("<rect fill-opacity=\"0\" x=\"", at(frame.x(i) - width / 2), "\" y=\"", kTop,
                  "\" width=\"", at(width), "\" height=\"", kHeight - kTop - kBottom, "\"><title>",
                  html_text(frame.name(i)), ": ", number(top[i]), "</title></rect>");
  }
  return svg + "</svg>";
}

std::string heat_map(const HeatMap& map) {
  std::string html =
      concat("<h3>", html_text(map.title), "</h3><table class=\"heat\"><tr><th></th>");
  for (const std::string& column : map.columns) html += concat("<th>", html_text(column), "</th>");
  html += "</tr>";
  for (size_t r = 0; r < map.rows.size(); ++r) {
    html += concat("<tr><th>", html_text(map.rows[r]), "</th>");
    for (size_t c = 0; c < map.values[r].size(); ++c) {
      const double value = std::clamp(map.values[r][c], 0.0, 1.0);
      // Small shares must be seen: the root lifts them.
      const double dark = value > 0 ? 0.12 + 0.88 * std::sqrt(value) : 0;
      html +=
          concat("<td title=\"", html_text(map.hints[r][c]), "\" style=\"background:rgba(0,70,128,",
                 fixed(dark, 2), ")", dark > 0.5 ? ";color:#fff" : "", "\">",
                 map.shows_hints ? html_text(map.hints[r][c]) : "", "</td>");
    }
    html += "</tr>";
  }
  return html + "</table>";
}

}  // namespace trady::tools
