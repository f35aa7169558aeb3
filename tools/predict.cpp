// trady predict: the likeliest classes of single images.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <numeric>

#include "engine/data/image_file.h"
#include "engine/data/transform.h"
#include "engine/error.h"
#include "engine/limits.h"
#include "tools/commands.h"
#include "tools/inference.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"
#include "tools/text.h"

namespace trady::tools {

namespace {

struct PredictOptions {
  ModelOptions model;
  std::vector<std::string> images;
  std::string recipe = "standard";
  int top = 5;
  std::string json;
};

StepSettings one_image() {
  StepSettings settings;
  settings.batch = 1;
  settings.logits = true;
  return settings;
}

class Predictor {
 public:
  explicit Predictor(PredictOptions options)
      : o_(std::move(options)),
        inference_(open_inference(o_.model, one_image())),
        transform_({static_cast<int>(network().options.image_size), parse_recipe(o_.recipe)}),
        pixels_(static_cast<size_t>(transform_.output_bytes())) {}

  void print(const std::string& file);
  const nlohmann::json& results() const { return results_; }

 private:
  const Network& network() const { return inference_.loaded.network; }
  std::vector<double> logits(const std::string& file);
  std::string class_name(size_t output) const;

  PredictOptions o_;
  Inference inference_;
  Transform transform_;
  TransformScratch scratch_;
  std::vector<uint8_t> pixels_;
  nlohmann::json results_ = nlohmann::json::array();
};

std::vector<double> Predictor::logits(const std::string& file) {
  transform_.test(load_image(file), scratch_, pixels_.data());
  const int32_t no_label = 0;  // its loss is not looked at
  inference_.runner->evaluate({pixels_.data(), &no_label, 1});
  return inference_.runner->logits();
}

std::string Predictor::class_name(size_t output) const {
  const auto& names = inference_.loaded.class_names;
  constexpr size_t kLongest = 60;
  return names.empty() ? concat("class ", output) : shortened(names[output], kLongest);
}

void Predictor::print(const std::string& file) {
  const std::vector<double> outputs = logits(file);
  const std::vector<double> shares = softmax(outputs);
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return shares[a] > shares[b]; });
  std::printf("%s\n", shortened(file, file.size()).c_str());
  const size_t shown = std::min(order.size(), static_cast<size_t>(o_.top));
  for (size_t i = 0; i < shown; ++i) {
    std::printf("  %7s  %s\n", percent(shares[order[i]], 2).c_str(), class_name(order[i]).c_str());
  }
  std::fflush(stdout);
  results_.push_back({{"image", file},
                      {"class", order.front()},
                      {"class_name", class_name(order.front())},
                      {"probabilities", shares},
                      {"logits", outputs}});
}

void run_predict(const PredictOptions& options) {
  if (!options.json.empty()) {
    std::vector<std::filesystem::path> inputs(options.images.begin(), options.images.end());
    inputs.emplace_back(options.model.weights);
    require_writable("--json", options.json, inputs);
  }
  Predictor predictor(options);
  size_t failed = 0;
  for (const std::string& file : options.images) {
    try {
      predictor.print(file);
    } catch (const std::exception& error) {  // whatever one image does, the others are classified
      const std::string message = error.what();
      const bool names_file = message.find(file) != std::string::npos;
      const std::string line = names_file ? message : concat(file, ": ", message);
      std::fprintf(stderr, "trady: %s\n", printable(line).c_str());
      ++failed;
    }
  }
  write_json(options.json, {{"format", "trady predict"},
                            {"format_version", 1},
                            {"weights", options.model.weights},
                            {"images", predictor.results()}});
  if (failed > 0) {
    fail(failed, " of ", options.images.size(), " images could not be classified; see above");
  }
}

}  // namespace

void add_predict(CLI::App& app) {
  const auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "The likeliest classes of images");
  command
      ->add_option("weights", options->model.weights,
                   "network (.safetensors), or the folder of a finished run")
      ->required();
  command->add_option("images", options->images, "JPEG, PNG, BMP or PNM files")->required();
  command->add_option("--model", options->model.model,
                      "network's name (default: what the weights file says)");
  command
      ->add_option("--image-size", options->model.image_size,
                   "pixels of the input square (default: what the weights file says)")
      ->transform(whole_number(1, kMaxImageSize));
  command->add_option("--recipe", options->recipe, "standard, vww, light or none, as in training")
      ->capture_default_str();
  command->add_option("--top", options->top, "classes to show")
      ->transform(whole_number(1, 1000000))
      ->capture_default_str();
  command->add_option("--device", options->model.device, kDeviceHelp)->capture_default_str();
  command->add_option("--precision", options->model.precision, kPrecisionHelp)
      ->capture_default_str();
  add_json_option(*command, options->json);
  command->footer(
      "Examples:\n"
      "  trady predict runs/flowers/weights.safetensors rose.jpg tulip.png\n"
      "  trady predict mbv2.safetensors photos/*.jpg --top 1\n"
      "Images that cannot be read are reported and the others classified; the exit status is 1 "
      "then.");
  command->callback([options] { run_predict(*options); });
}

}  // namespace trady::tools
