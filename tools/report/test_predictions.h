// What a finished network says of the images that it was not trained on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/options.h"

namespace trady::tools {

struct Misjudged {
  std::string image;  ///< as the data set names it
  int32_t label = 0, predicted = 0;
  double probability = 0;       ///< of the label
  std::vector<uint8_t> pixels;  ///< [side, side, 3], as the network saw it
};

struct TestPredictions {
  std::string split;  ///< "test" or "val"
  int image_size = 0;
  int64_t images = 0, correct = 0;
  std::vector<std::string> class_names;
  std::vector<std::vector<int64_t>> confusion;  ///< [label][predicted]
  std::vector<Misjudged> worst;                 ///< least probability of the label first
};

/// Runs the network of `model.weights` over the test images of `data`, or the validation images
/// where there are none; keeps the `worst` images that were least likely what they are. Error if
/// the data has neither, or not the network's classes.
TestPredictions predict_test_images(ModelOptions model, const DataOptions& data, uint64_t seed,
                                    size_t worst);

}  // namespace trady::tools
