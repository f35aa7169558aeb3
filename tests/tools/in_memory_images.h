// A few noise images with labels, and loaders of them, for tests on tiny networks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/data/loader.h"
#include "tests/engine/data_fixtures.h"

namespace trady::testing {

class NoiseImages : public Dataset {
 public:
  NoiseImages(int64_t count, int size) : count_(count), size_(size) {}
  int64_t size() const override { return count_; }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  int32_t label(int64_t index) const override { return static_cast<int32_t>(index % 3); }
  Image load(int64_t index) const override {
    return test::noise_image(size_, size_, static_cast<uint32_t>(index + 1));
  }
  std::string sample_name(int64_t index) const override { return concat("noise ", index); }
  bool decodes() const override { return false; }
  int64_t resident_bytes() const override { return 0; }

 private:
  int64_t count_;
  int size_;
  std::vector<std::string> class_names_{"a", "b", "c"};
};

inline std::unique_ptr<Loader> loader_of(int64_t images, int size, LoaderOptions options,
                                         int64_t batch) {
  options.transform = {size, Recipe::none};
  options.batch_size = batch;
  return std::make_unique<Loader>(
      std::make_shared<DecodedCache>(std::make_shared<NoiseImages>(images, size),
                                     std::make_shared<CacheBudget>(0)),
      options);
}

}  // namespace trady::testing
