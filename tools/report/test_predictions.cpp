#include "tools/report/test_predictions.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/interrupt.h"
#include "engine/trainer.h"
#include "tools/inference.h"
#include "tools/input_pipeline.h"
#include "tools/setup.h"

namespace trady::tools {

namespace {

constexpr int64_t kBatch = 32;

class Judge {
 public:
  Judge(TestPredictions& result, const Dataset& images, size_t worst)
      : result_(result), images_(images), worst_(worst) {}

  void judge(const Batch& batch, std::span<const double> logits) {
    const size_t classes = result_.confusion.size();
    const auto pixel_bytes = static_cast<size_t>(3) * static_cast<size_t>(result_.image_size) *
                             static_cast<size_t>(result_.image_size);
    for (size_t i = 0; i < static_cast<size_t>(batch.count); ++i) {
      const std::vector<double> shares = softmax(logits.subspan(i * classes, classes));
      const auto predicted =
          static_cast<int32_t>(std::ranges::max_element(shares) - shares.begin());
      const int32_t label = batch.labels[i];
      ++result_.images;
      result_.correct += predicted == label ? 1 : 0;
      ++result_.confusion[static_cast<size_t>(label)][static_cast<size_t>(predicted)];
      if (predicted == label) continue;
      const double probability = shares[static_cast<size_t>(label)];
      if (result_.worst.size() == worst_ && probability >= result_.worst.back().probability)
        continue;
      const uint8_t* pixels = batch.pixels + i * pixel_bytes;
      Misjudged one{images_.sample_name(batch.indices[i]),
                    label,
                    predicted,
                    probability,
                    {pixels, pixels + pixel_bytes}};
      const auto place =
          std::ranges::upper_bound(result_.worst, probability, {}, &Misjudged::probability);
      result_.worst.insert(place, std::move(one));
      if (result_.worst.size() > worst_) result_.worst.pop_back();
    }
  }

 private:
  TestPredictions& result_;
  const Dataset& images_;
  size_t worst_;
};

}  // namespace

TestPredictions predict_test_images(ModelOptions model, const DataOptions& data, uint64_t seed,
                                    size_t worst) {
  const DatasetSplits splits = open_data(data, seed);
  const std::shared_ptr<const Dataset> images = splits.test ? splits.test : splits.val;
  if (!images)
    fail(data.data,
         ": has neither test nor validation images; --no-images makes the page "
         "without them");
  StepSettings steps;
  steps.batch = kBatch;
  steps.logits = true;
  const Inference inference = open_inference(model, steps);
  const NetworkOptions& network = inference.loaded.network.options;
  if (images->class_count() != network.classes) {
    fail(data.data, ": has ", images->class_count(), " classes, the network of ", model.weights,
         " has ", network.classes, "; give the data of the run with --data");
  }
  TestPredictions result;
  result.split = splits.test ? "test" : "val";
  result.image_size = static_cast<int>(network.image_size);
  result.class_names = images->class_names();
  const auto classes = static_cast<size_t>(network.classes);
  result.confusion.assign(classes, std::vector<int64_t>(classes, 0));

  InputPipeline input(model, data, network.image_size, inference.runner->settings(), seed);
  const std::unique_ptr<Loader> loader = input.testing(images, result.split + " set");
  Judge judge(result, *images, worst);
  loader->start_epoch(0);
  for (Batch batch; loader->next(batch);) {
    if (interrupt_requested())
      throw Interrupted("interrupted while the test images were classified");
    inference.runner->evaluate(view_of(batch));
    judge.judge(batch, inference.runner->logits());
  }
  return result;
}

}  // namespace trady::tools
