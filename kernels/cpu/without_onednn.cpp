// A build without oneDNN: nobody to choose or to compare with.
#include "kernels/cpu/dense_grad_weight.h"
#include "kernels/cpu/onednn_passes.h"

namespace trady::kernels::cpu {

std::unique_ptr<ConvForward> make_onednn_forward(const ConvShape&, Activation, Clipping) {
  return nullptr;
}

std::unique_ptr<ConvGradInput> make_onednn_grad_input(const ConvShape&) {
  return nullptr;
}

std::unique_ptr<DenseGradWeightOneDnn> make_dense_grad_weight_onednn(const ConvShape&) {
  return nullptr;
}

}  // namespace trady::kernels::cpu
