// What a method may look at before it chooses: the network as it is now, and the training images.
// Each look costs what it says; a method that takes none costs nothing.
#pragma once

#include <cstdint>
#include <vector>

namespace trady {

/// The most expensive thing that a method looks at.
enum class Look {
  nothing,    ///< options, seed and epoch decide
  weights,    ///< SelectionProbe::weight
  gradients,  ///< SelectionProbe::gradient_norms
  outputs,    ///< SelectionProbe::output_similarity
};

/// Whoever runs the epochs implements it. The same weights, data and seed give the same answers,
/// bit for bit, whatever the number of workers.
class SelectionProbe {
 public:
  virtual ~SelectionProbe() = default;

  /// A conv's weight as it is now, [C'][C][D][D] (depthwise [C][1][D][D]), without a batch-norm
  /// that is merged into it. Costs one download.
  virtual std::vector<double> weight(int conv) = 0;

  /// n_c = ||dW[:, c]|| (docs/method.md section 1) of every input channel of `convs`, where dW is
  /// the mean over one epoch of training batches of the gradient at the present weights. By conv
  /// index; empty for those not listed. Costs a pass over the training set with the whole dW of
  /// `convs`, which breaks the memory budget.
  virtual std::vector<std::vector<double>> gradient_norms(const std::vector<int>& convs) = 0;

  /// How similar every neuron's output is to what it was when the epoch began: by conv index and
  /// output channel, the cosine over spatial positions, averaged over some held-out images. Costs
  /// two forward passes of these, and a copy of the weights since the epoch began.
  virtual std::vector<std::vector<double>> output_similarity() = 0;
};

}  // namespace trady
