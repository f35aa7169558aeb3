// trady export: fine-tuned weights for the framework that they came from.
#include <cstdio>
#include <filesystem>
#include <list>
#include <memory>

#include "engine/atomic_file.h"
#include "engine/checkpoint.h"
#include "engine/error.h"
#include "kernels/backend.h"
#include "models/registry.h"
#include "models/weights.h"
#include "tools/commands.h"
#include "tools/json_output.h"
#include "tools/text.h"
#include "tools/weights_file.h"

namespace trady::tools {

namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string weights;
  std::string out;
  std::string class_file;  ///< empty: beside `out`
  std::string prefix;
};

/// Loads everything once: only a network that is whole is exported.
void check_that_it_loads(const SafetensorsFile& file, const models::ModelFile& described) {
  if (described.model.empty()) {
    fail(file.path().string(), ": the file does not name its network; only files that `trady ",
         "finetune` or the converter wrote are exported: ", kConverter);
  }
  const Network network = models::build(described.model, described.options);
  const auto device = kernels::make_reference_backend(kernels::DType::float32);
  Parameters parameters(network.tape.parameters(), *device);
  models::load_weights(file, described, network, parameters);
}

/// The tensors as they are, under names with the prefix.
void write_tensors(const SafetensorsFile& file, const std::string& prefix, const fs::path& out) {
  std::list<std::vector<float>> values;  // which stay where they are
  std::vector<SafetensorsTensor> tensors;
  for (const std::string& name : file.names()) {
    const std::vector<double> exact = file.read_doubles(name);
    const auto& kept = values.emplace_back(exact.begin(), exact.end());
    tensors.push_back({prefix + name, file.entry(name).shape, std::span<const float>(kept)});
  }
  // What other readers of the format take as a sign of PyTorch's names and layouts.
  write_safetensors(out, tensors, {{"format", "pt"}});
}

void write_class_names(const std::vector<std::string>& names, const fs::path& file) {
  std::string lines;
  for (const std::string& name : names) {
    if (name.find('\n') != std::string::npos) {
      fail("the class name '", printable(name), "' has a line break, and the file has a line a ",
           "class; rename the class's folder");
    }
    lines += name + "\n";
  }
  write_file_atomically(file, lines);
}

void run_export(ExportOptions options) {
  const std::string weights = weights_file(options.weights);
  const fs::path out = options.out;
  if (options.class_file.empty()) {
    options.class_file = fs::path(out).replace_extension(".classes.txt").string();
  }
  const auto file = open_weights(weights);
  const models::ModelFile described = models::describe(file);
  check_that_it_loads(file, described);
  require_writable("the exported file", out, {weights});
  if (!described.class_names.empty()) {
    require_writable("--class-file", options.class_file, {weights});
    if (fs::weakly_canonical(options.class_file) == fs::weakly_canonical(out)) {
      fail("--class-file ", options.class_file, ": is the exported file too; choose another name");
    }
  }
  write_tensors(file, options.prefix, out);
  std::printf("wrote %s: %zu tensors of %s%s\n", out.c_str(), file.names().size(),
              described.model.c_str(),
              described.has_batch_norms ? "" : ", batch-norms folded into weights and biases");
  if (!described.class_names.empty()) {
    write_class_names(described.class_names, options.class_file);
    std::printf("wrote %s: %zu class names in the order of the classifier's outputs\n",
                options.class_file.c_str(), described.class_names.size());
  }
  std::printf(
      "In PyTorch, for a model of %lld classes:\n"
      "  model.load_state_dict(safetensors.torch.load_file(\"%s\"), strict=True)\n",
      static_cast<long long>(described.options.classes), out.c_str());
}

}  // namespace

void add_export(CLI::App& app) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* command =
      app.add_subcommand("export", "Weights for PyTorch, and a file of class names");
  command->add_option("weights", options->weights, "weights (.safetensors), or the folder of a run")
      ->required();
  command->add_option("out", options->out, "file to write (.safetensors)")->required();
  command->add_option("--class-file", options->class_file,
                      "where class names go, a line each (default: OUT with .classes.txt)");
  command->add_option("--prefix", options->prefix,
                      "in front of every name, e.g. module. for DataParallel");
  command->footer(
      "Example:\n"
      "  trady export runs/flowers resnet18-flowers.safetensors\n"
      "then, in Python:\n"
      "  model = torchvision.models.resnet18(num_classes=12)\n"
      "  model.load_state_dict(safetensors.torch.load_file(\"resnet18-flowers.safetensors\"))\n"
      "Names and layouts are torchvision's (CIFAR ResNets: akamaster/pytorch_resnet_cifar10);"
      "\nPyTorch itself fills in num_batches_tracked, which nothing here counts.");
  command->callback([options] { run_export(*options); });
}

}  // namespace trady::tools
