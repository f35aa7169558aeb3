// How far the outputs of neurons have moved while an epoch trained: Velocity's phi
// (docs/methods.md).
//
// A neuron is an output channel o of a conv; its output is the convolution W[o] * x itself, before
// bias, batch-norm and activation, as in the code of Velocity's authors. A batch-norm that is
// merged into W scales it and changes no cosine, so phi means the same in every batch-norm mode.
#pragma once

#include <vector>

#include "engine/data/loader.h"
#include "engine/parameters.h"
#include "engine/step/kernel_cache.h"
#include "engine/step/step_program.h"
#include "kernels/device_memory.h"

namespace trady::tools {

/// Both sets of weights take each image through the network side by side, so what is kept is a copy
/// of the weights and the activations of two images, whatever the number of images.
class NeuronSimilarity {
 public:
  /// `tape` and `parameters` must outlive it; it begins with remember().
  NeuronSimilarity(const Tape& tape, Parameters& parameters);

  /// The outputs to compare with are those of the present parameters.
  void remember();
  /// By conv and output channel: the cosine of the two outputs over spatial positions, averaged
  /// over the images; 1 where both are zero everywhere, 0 where one is. `images` gives batches of
  /// one image, as pixels, in evaluation mode.
  std::vector<std::vector<double>> measure(Loader& images);

  /// All that it holds, in bytes.
  int64_t reserved_bytes() const;

 private:
  /// One set of weights and an image on its way through them.
  struct Side {
    Side(const StepProgram& program, Parameters& weights);
    Parameters& parameters;
    Arena arena;
    ArenaView shared, lane;
  };

  int last_conv_op() const;
  void compare(const Batch& image, std::vector<std::vector<double>>& sums);
  std::vector<double> output_of(Side& side, const ConvLayer& conv, TensorId input);

  const Tape& tape_;
  Parameters& now_;
  Parameters before_;
  KernelCache cache_;
  StepProgram program_;
  Side side_before_, side_now_;
  std::vector<int> conv_of_op_;  // -1: not a selectable convolution
  // Of the largest conv, for one convolution at a time.
  struct Sizes {
    Sizes(const Tape& tape, const kernels::Backend& backend, KernelCache& cache);
    int64_t pixels = 0, zeros = 0, output = 0, prepared = 0, scratch = 0;  // bytes
    int64_t total() const { return pixels + zeros + output + prepared + scratch; }
  } sizes_;
  kernels::DeviceMemory pixels_, zeros_, output_, prepared_, scratch_;
};

}  // namespace trady::tools
