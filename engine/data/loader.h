// Batches of transformed images, prepared ahead of the training step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/data/decoded_cache.h"
#include "engine/data/packed_images.h"
#include "engine/data/transform.h"

namespace trady {

enum class LoaderMode {
  train,  ///< training transform with augmentation
  test,   ///< test transform
};

/// What a batch holds.
enum class LoaderOutput {
  pixels,  ///< the network's input squares
  images,  ///< decoded images and what is to be done with them, for a device that does it
};

struct LoaderOptions {
  LoaderMode mode = LoaderMode::train;
  LoaderOutput output = LoaderOutput::pixels;
  TransformOptions transform;
  int64_t batch_size = 32;
  bool shuffle = true;    ///< order drawn from (seed, epoch); otherwise the data set's order
  bool drop_last = true;  ///< drop the last incomplete batch (docs/method.md section 6)
  uint64_t seed = 0;
  int threads = 1;           ///< that decode and augment; 0: in next(), by the caller
  int prefetch_batches = 2;  ///< prepared ahead of the one in use, where there are threads
  std::string data_name = "training set";  ///< in errors; "validation set", "test set"

  static LoaderOptions training() { return {}; }
  /// Every sample once, in order, without augmentation.
  static LoaderOptions testing();
};

/// Valid until the loader's next call of next() or start_epoch().
struct Batch {
  const uint8_t* pixels = nullptr;   ///< [count, S, S, 3]; null with LoaderOutput::images
  const int32_t* labels = nullptr;   ///< [count]
  const int64_t* indices = nullptr;  ///< [count], samples of the data set
  int64_t count = 0;
  // With LoaderOutput::images, else null. Transformed (kernels/image_transform.h) they are the
  // pixels that LoaderOutput::pixels gives, to the byte.
  const uint8_t* images = nullptr;  ///< [image_bytes], one after the other
  int64_t image_bytes = 0;          ///< at most count * max_packed_bytes(S): packed_images.h
  const kernels::ImageTransform* transforms = nullptr;  ///< [count]
};

/// Batches depend on the data set, the options' seed and the epoch, and on nothing else: neither on
/// the number of threads nor on what was loaded before. So a run resumes at any epoch.
/// One thread uses a loader. The ring of batches is allocated at construction; each thread's
/// buffers grow with the largest image that it meets (pipeline_bytes() counts them).
class Loader {
 public:
  /// Fails if the data set is empty, or smaller than a batch where the last is dropped, or if the
  /// system refuses a thread.
  Loader(std::shared_ptr<DecodedCache> images, const LoaderOptions& options);
  /// Stops the threads, wherever in an epoch they are.
  ~Loader();

  int64_t batches_per_epoch() const;
  const Dataset& dataset() const;

  /// Begins an epoch, abandoning the one under way if there is one; without its first `skipped`
  /// batches, which are not prepared.
  void start_epoch(uint32_t epoch, int64_t skipped = 0);
  /// The next batch in order; false at the end of the epoch, or before the first start_epoch().
  /// Rethrows what stopped a thread at a sample of this batch; the message names the sample.
  bool next(Batch& batch);

  /// Ring of batches, threads' buffers, decoded images, what the data set keeps in memory, and for
  /// each thread what decoding the largest picture has taken.
  int64_t pipeline_bytes() const;

 private:
  class Pipeline;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace trady
