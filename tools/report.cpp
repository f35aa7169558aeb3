// trady report: a finished run as one page to look at.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "engine/interrupt.h"
#include "tools/commands.h"
#include "tools/device.h"
#include "tools/json_output.h"
#include "tools/number_checks.h"
#include "tools/record_format.h"
#include "tools/report/report_page.h"
#include "tools/run_folder.h"
#include "tools/run_record.h"
#include "tools/weights_file.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct ReportOptions {
  std::string run;
  std::string out;
  std::string data;
  std::string device = "cpu";
  int worst = 12;
  bool no_images = false;
};

std::string data_of(const json& record, const ReportOptions& o) {
  return o.data.empty() ? record.at("settings").at("data").get<std::string>() : o.data;
}

/// The images that the run was tested on, as its record names them.
TestPredictions predictions_of(const json& record, const ReportOptions& o) {
  const json& settings = record.at("settings");
  DataOptions data;
  data.data = data_of(record, o);
  data.recipe = settings.value("recipe", data.recipe);
  if (settings.contains("val_split") && settings.at("val_split").is_number()) {
    data.val_split = settings.at("val_split").get<double>();
  }
  data.classes = settings.value("classes", data.classes);
  ModelOptions model;
  model.weights = weights_file(o.run);
  model.device = o.device;
  return predict_test_images(model, data, settings.value("seed", uint64_t{0}),
                             static_cast<size_t>(o.worst));
}

void run_report(ReportOptions o) {
  const RunFiles run(o.run);
  const json record = RunRecord::read_in(o.run).json();
  if (record.at("epochs").empty()) fail(o.run, ": no epoch is finished yet; nothing to show");
  require_reportable_record(record, {run.record().string(), kRunJsonRemedy});
  if (o.out.empty()) o.out = (fs::path(o.run) / "report.html").string();
  require_writable("--out", o.out, {o.no_images ? std::string() : data_of(record, o)});
  std::optional<TestPredictions> predictions;
  if (!o.no_images) {
    if (!fs::exists(run.weights())) {
      fail(run.weights().string(), ": does not exist: the run is not over, or the file was ",
           "removed; go on with `trady finetune ... --resume`, or use --no-images to see what it ",
           "did so far");
    }
    watch_for_interrupts();
    predictions = predictions_of(record, o);
  }
  write_file_atomically(o.out, report_page(record, predictions));
  std::printf("wrote %s; open it in a browser\n", o.out.c_str());
}

}  // namespace

void add_report(CLI::App& app) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "A run as one HTML page, with pictures");
  command->add_option("RUN", options->run, "folder that `trady finetune --out` wrote")->required();
  command->add_option("--out", options->out, "file to write (default: RUN/report.html)");
  command->add_option("--data", options->data,
                      "where the images are now (default: where they were in training)");
  command->add_option("--worst", options->worst, "images to show of those classified wrong")
      ->transform(whole_number(0, 1000))
      ->capture_default_str();
  command->add_flag("--no-images", options->no_images,
                    "without predictions: needs neither images nor weights");
  command->add_option("--device", options->device, kDeviceHelp)->capture_default_str();
  command->footer(
      "Examples:\n"
      "  trady report runs/flowers\n"
      "  trady report runs/flowers --no-images --out flowers.html\n"
      "The page holds curves, the memory of a step, which layers and channels were updated, the "
      "confusion\nmatrix and the images that were classified worst. It needs no other file and no "
      "network.");
  command->callback([options] { run_report(*options); });
}

}  // namespace trady::tools
