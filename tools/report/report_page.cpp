#include "tools/report/report_page.h"

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "engine/memory/categories.h"
#include "tools/report/charts.h"
#include "tools/report/html.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

using nlohmann::json;

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;"
    "color:#222}h1{margin-bottom:0}h2{margin-top:2em;border-bottom:1px solid #ddd}"
    "table{border-collapse:collapse}td,th{padding:2px 8px;text-align:left;font-weight:normal}"
    ".facts td{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}"
    ".title{font-weight:600}.tick,.label{font-size:12px}.tick{fill:#555}.grid{stroke:#e4e4e4}"
    ".heat{font-size:12px}.heat td{min-width:12px;height:16px;padding:0 3px;text-align:center;"
    "border:1px solid #eee}.heat th{white-space:nowrap}.wide{overflow-x:auto}"
    "figure{display:inline-block;width:150px;margin:0 10px 14px "
    "0;vertical-align:top;font-size:12px;"
    "overflow-wrap:anywhere}figcaption b{color:#a00}";

std::string fact(const std::string& name, const std::string& value) {
  return concat("<tr><th>", html_text(name), "</th><td>", html_text(value), "</td></tr>");
}

std::string text_of(const json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::optional<double> number_at(const json& object, const std::string& pointer) {
  const json::json_pointer field(pointer);
  if (!object.contains(field) || !object.at(field).is_number()) return std::nullopt;
  return object.at(field).get<double>();
}

std::string share_at(const json& object, const std::string& pointer) {
  const auto value = number_at(object, pointer);
  return value ? percent(*value, 2) : "-";
}

std::string facts(const json& record) {
  const json& settings = record.at("settings");
  const json& last = record.at("epochs").back();
  const std::string split = last.value("test", json()).is_object() ? "test" : "val";
  std::string html = "<table class=\"facts\">";
  html += fact("method", text_of(settings.at("method")));
  html += fact("budget", text_of(settings.value("budget", json())));
  html += fact("data", text_of(settings.at("data")));
  html += fact("top-1 on the " + split + " images before / after",
               share_at(record, "/before/" + split + "/accuracy") + " / " +
                   share_at(last, "/" + split + "/accuracy"));
  html += fact("loss of the last epoch", fixed(last.at("loss").get<double>(), 4));
  html +=
      fact("epochs, learning rate, seed", concat(record.at("epochs").size(), ", ",
                                                 text_of(settings.value("learning_rate", json())),
                                                 ", ", text_of(settings.value("seed", json()))));
  if (const auto bytes = number_at(last, "/memory/reserved_bytes")) {
    html += fact("memory of a step", mebibytes(*bytes));
  }
  if (const auto seconds = number_at(last, "/step_seconds")) {
    html +=
        fact("time of a step", fixed(1000 * *seconds / last.at("steps").get<double>(), 1) + " ms");
  }
  html += fact("dW multiply-adds saved", share_at(last, "/grad_weight_saved"));
  html += fact("device", text_of(record.at("environment").value("device", json())) + ", " +
                             text_of(record.at("environment").value("isa", json())));
  return html + "</table>";
}

/// `pointer` of every epoch, with the value before training in front.
Series series_of(const json& record, const std::string& name, const std::string& pointer,
                 double factor = 1) {
  Series series{name, {}};
  const auto add = [&](std::optional<double> value) {
    if (value) *value *= factor;
    series.values.push_back(value);
  };
  add(number_at(record.value("before", json::object()), pointer));
  for (const json& epoch : record.at("epochs")) add(number_at(epoch, pointer));
  return series;
}

std::string curves(const json& record) {
  const auto drawn = [](std::vector<Series> series) {
    std::erase_if(series, [](const Series& one) {
      return std::ranges::none_of(one.values, [](const auto& v) { return v.has_value(); });
    });
    return series;
  };
  std::string html = line_chart(
      {"Loss", "epochs trained", "mean cross-entropy", {}},
      drawn({series_of(record, "training", "/loss"), series_of(record, "validation", "/val/loss"),
             series_of(record, "test", "/test/loss")}));
  constexpr double kPercent = 100;
  html += line_chart({"Accuracy", "epochs trained", "top-1 in %", {}},
                     drawn({series_of(record, "training", "/train_accuracy", kPercent),
                            series_of(record, "validation", "/val/accuracy", kPercent),
                            series_of(record, "test", "/test/accuracy", kPercent)}));
  return html;
}

/// tools/step_timeline.h wrote it.
std::string memory_over_step(const json& record) {
  if (!record.contains("step_memory")) return "";
  const json& timeline = record.at("step_memory");
  ChartText text{"Memory of a step, op by op, forward and then backward",
                 "ops, in the order in which they run", "KiB",
                 timeline.at("ops").get<std::vector<std::string>>()};
  std::vector<Series> series;
  for (const std::string_view category : kMemoryCategoryNames) {
    const std::string name(category);
    if (!timeline.at("bytes").contains(name)) continue;
    Series one{name, {}};
    for (const json& bytes : timeline.at("bytes").at(name)) {
      one.values.emplace_back(bytes.get<double>() / 1024);
    }
    series.push_back(std::move(one));
  }
  return "<h2>Memory</h2><p>What all workers and the shared buffers hold while a micro-batch goes "
         "through the network, by category (docs/memory.md).</p>" +
         stacked_chart(text, series);
}

std::string channel_text(const json& layer) {
  if (layer.at("channels").is_string()) return "all channels";
  std::string text;
  for (const json& channel : layer.at("channels")) {
    text += concat(text.empty() ? "" : ", ", channel.get<int64_t>());
  }
  return concat(layer.at("channels").size(), " channels: ", shortened(text, 400));
}

/// Layers from top to bottom as data passes them, epochs from left to right.
std::string selections(const json& record) {
  std::map<int, std::string> names;
  std::map<int, double> most;  // elements of a layer in any epoch: the darkest of its row
  for (const json& epoch : record.at("epochs")) {
    for (const json& layer : epoch.at("selection")) {
      const int conv = layer.at("conv").get<int>();
      names[conv] = layer.at("name").get<std::string>();
      most[conv] = std::max(most[conv], layer.at("elements").get<double>());
    }
  }
  if (names.empty()) return "<p>Only the classifier was trained.</p>";
  double largest = 1;
  for (const auto& [conv, elements] : most) largest = std::max(largest, elements);
  HeatMap map;
  map.title = "Layers and channels that were updated, by epoch";
  for (size_t e = 0; e < record.at("epochs").size(); ++e) map.columns.push_back(concat(e + 1));
  for (const auto& [conv, name] : names) {
    map.rows.push_back(concat(conv, " ", name));
    std::vector<double>& values = map.values.emplace_back();
    std::vector<std::string>& hints = map.hints.emplace_back();
    for (const json& epoch : record.at("epochs")) {
      double value = 0;
      std::string hint = "nothing";
      for (const json& layer : epoch.at("selection")) {
        if (layer.at("conv").get<int>() != conv) continue;
        value = layer.at("elements").get<double>() / largest;
        hint = channel_text(layer);
      }
      values.push_back(value);
      hints.push_back(hint);
    }
  }
  return "<p>Darker: more elements of the budget. Hover a cell for its channels.</p><div "
         "class=\"wide\">" +
         heat_map(map) + "</div>";
}

std::string confusion(const TestPredictions& found) {
  constexpr size_t kMostClasses = 40;
  if (found.confusion.size() > kMostClasses) {
    return concat("<p>", found.confusion.size(),
                  " classes are too many to show who is taken for whom.</p>");
  }
  HeatMap map;
  map.title = "Confusion matrix: rows are the true classes, columns what the network says";
  map.shows_hints = true;
  map.rows = found.class_names;
  for (const std::string& name : found.class_names) map.columns.push_back(shortened(name, 12));
  for (const auto& row : found.confusion) {
    int64_t sum = 0;
    for (const int64_t count : row) sum += count;
    std::vector<double>& values = map.values.emplace_back();
    std::vector<std::string>& hints = map.hints.emplace_back();
    for (const int64_t count : row) {
      values.push_back(sum > 0 ? static_cast<double>(count) / static_cast<double>(sum) : 0);
      hints.push_back(count > 0 ? concat(count) : "");
    }
  }
  return "<div class=\"wide\">" + heat_map(map) + "</div>";
}

std::string worst_images(const TestPredictions& found) {
  if (found.worst.empty()) return "<p>Every image was classified right.</p>";
  std::string html = "<h3>Images that were furthest from right</h3>";
  for (const Misjudged& one : found.worst) {
    html += concat("<figure>", html_image(one.pixels, found.image_size), "<figcaption><b>",
                   html_text(found.class_names[static_cast<size_t>(one.predicted)]),
                   "</b> instead of ", html_text(found.class_names[static_cast<size_t>(one.label)]),
                   " (", percent(one.probability, 1), ")<br>", html_text(shortened(one.image, 60)),
                   "</figcaption></figure>");
  }
  return html;
}

}  // namespace

std::string report_page(const json& record, const std::optional<TestPredictions>& predictions) {
  const json& network = record.at("network");
  const std::string title =
      concat(text_of(network.at("model")), ", ", text_of(record.at("settings").at("method")));
  std::string html =
      concat("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>", html_text(title),
             "</title><style>", kStyle, "</style><h1>", html_text(title), "</h1><p>",
             text_of(network.at("image_size")), " px, ", text_of(network.at("classes")),
             " classes; trady ", html_text(text_of(record.at("trady"))), "</p>", facts(record),
             "<h2>Training</h2>", curves(record), memory_over_step(record), "<h2>Selection</h2>",
             selections(record));
  if (predictions) {
    html += concat("<h2>Predictions</h2><p>", predictions->correct, " of ", predictions->images,
                   " ", html_text(predictions->split), " images are classified right.</p>",
                   confusion(*predictions), worst_images(*predictions));
  }
  return html + "</html>\n";
}

}  // namespace trady::tools
