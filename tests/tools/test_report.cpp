// A run as an HTML page: what is written of names and numbers, and what the charts draw.
#include <catch2/catch.hpp>

#include "tools/report/charts.h"
#include "tools/report/html.h"
#include "tools/report/png_writer.h"
#include "tools/report/report_page.h"

namespace trady::tools {
namespace {

using Catch::Contains;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++count;
  return count;
}

nlohmann::json small_record() {
  const auto evaluated = [](double accuracy) {
    return nlohmann::json{{"accuracy", accuracy}, {"loss", 1.5}, {"images", 10}};
  };
  nlohmann::json record{
      {"trady", "0.1"},
      {"settings", {{"method", "trady"}, {"data", "<b>&folder"}, {"seed", 1}}},
      {"environment", {{"device", "cpu"}}},
      {"network", {{"model", "resnet20"}, {"image_size", 32}, {"classes", 2}}},
      {"before", {{"test", evaluated(0.25)}, {"val", nullptr}}},
      {"step_memory",
       {{"ops", {"forward of a", "backward of a"}}, {"bytes", {{"masks", {1024, 2048}}}}}},
      {"epochs", nlohmann::json::array()}};
  for (int epoch = 0; epoch < 2; ++epoch) {
    record["epochs"].push_back(
        {{"epoch", epoch},
         {"loss", 2.0 - epoch},
         {"train_accuracy", 0.5},
         {"test", evaluated(0.75)},
         {"val", nullptr},
         {"steps", 4},
         {"step_seconds", 0.1},
         {"selection",
          {{{"conv", 3 + epoch}, {"name", "layer"}, {"elements", 100}, {"channels", {7, 8, 9}}}}}});
  }
  return record;
}

}  // namespace

TEST_CASE("Names cannot become markup", "[report]") {
  CHECK(html_text("<a href='x'>&\"") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  TestPredictions predictions;
  predictions.split = "test";
  predictions.image_size = 1;
  predictions.class_names = {"<script>", "b"};
  predictions.confusion = {{1, 2}, {0, 3}};
  predictions.worst.push_back({"<i>.jpg", 0, 1, 0.25, {1, 2, 3}});
  const std::string page = report_page(small_record(), predictions);
  CHECK_THAT(page, !Contains("<script>") && !Contains("<i>.jpg") && !Contains("<b>&folder"));
  CHECK_THAT(page, Contains("&lt;script&gt;") && Contains("25.0 %"));
}

TEST_CASE("Base64 has the values of RFC 4648", "[report]") {
  const auto of = [](const std::string& text) {
    return base64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  CHECK(of("").empty());
  CHECK(of("f") == "Zg==");
  CHECK(of("fo") == "Zm8=");
  CHECK(of("foo") == "Zm9v");
  CHECK(of("foobar") == "Zm9vYmFy");
}

TEST_CASE("Pictures are whole PNG files", "[report]") {
  const std::vector<uint8_t> pixels(3 * 5 * 5, 200);
  const std::vector<uint8_t> png = png_of(pixels, 5);
  REQUIRE(png.size() > 20);
  CHECK(std::string(png.begin() + 1, png.begin() + 4) == "PNG");
  CHECK(std::string(png.end() - 8, png.end() - 4) == "IEND");
}

TEST_CASE("The page shows every epoch, and what a record lacks is left out", "[report]") {
  nlohmann::json record = small_record();
  const std::string page = report_page(record, std::nullopt);
  CHECK_THAT(page, Contains("25.00 % / 75.00 %") && Contains("3 channels: 7, 8, 9"));
  CHECK_THAT(page, Contains("3 layer") && Contains("4 layer") && Contains("masks"));
  CHECK_THAT(page, !Contains("Confusion"));
  record.erase("step_memory");
  for (auto& epoch : record["epochs"]) epoch["selection"] = nlohmann::json::array();
  CHECK_THAT(report_page(record, std::nullopt),
             !Contains("<h2>Memory</h2>") && Contains("Only the classifier"));
}

TEST_CASE("Charts draw a point for every value and none where there is none", "[report]") {
  const std::string svg =
      line_chart({"Title", "x", "y", {}}, {{"one", {1.0, std::nullopt, 3.0}}, {"two", {2.0, 2.0}}});
  CHECK(count_of(svg, "<circle") == 4);
  CHECK_THAT(svg, Contains("one, 2: 3") && Contains("Title (y)"));
  const std::string stacked =
      stacked_chart({"Title", "x", "y", {"a", "b"}}, {{"one", {1.0, 2.0}}, {"two", {10.0, 20.0}}});
  CHECK_THAT(stacked, Contains("a: 11") && Contains("b: 22"));
  // Nothing at all is drawn, not divided by.
  CHECK_THAT(line_chart({"Title", "x", "y", {}}, {}), !Contains("nan") && !Contains("inf"));
  CHECK_THAT(line_chart({"Title", "x", "y", {}}, {{"one", {0.0}}}), !Contains("nan"));
}

}  // namespace trady::tools
