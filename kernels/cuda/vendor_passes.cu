#include "kernels/cuda/vendor_passes.h"

#include <stdexcept>

#include "kernels/cuda/cublas_passes.h"
#include "kernels/cuda/cudnn_passes.h"
#include "kernels/cuda/traffic.h"
#include "kernels/trace.h"

namespace trady::kernels::cuda {

Vendors::Vendors(const Settings& settings) : only_(settings.only) {
  if (!only_) choice_ = read_pass_choice(embedded_measurements(), settings.architecture);
  const auto needed = [&](Implementation implementation) {
    return only_ ? *only_ == implementation : choice_.ever_chooses(implementation);
  };
  if (needed(Implementation::cublas)) {
    cublas_ = make_cublas_passes(settings.precision, settings.stream);
  }
  if (needed(Implementation::cudnn)) {
    cudnn_ = make_cudnn_passes(settings.precision, settings.stream);
  }
}

const VendorPasses* Vendors::chosen(const PassQuery& query) const {
  switch (only_ ? *only_ : choice_.choose(query)) {
    case Implementation::cublas:
      return cublas_.get();
    case Implementation::cudnn:
      return cudnn_.get();
    case Implementation::own:
      break;
  }
  return nullptr;
}

std::string Vendors::versions() const {
  std::string text;
  if (cublas_) text += ", " + cublas_->version();
  if (cudnn_) text += ", " + cudnn_->version();
  return text;
}

std::string library_version(const std::string& library, size_t version) {
  return library + " " + std::to_string(version / 10000) + "." +
         std::to_string(version / 100 % 100) + "." + std::to_string(version % 100);
}

void throw_library_error(const std::string& library, const std::string& what,
                         const std::string& why, const std::string& option) {
  const std::string labels = open_labels();
  throw std::runtime_error("[cuda] " + labels + (labels.empty() ? "" : ": ") + library + ", " +
                           what + ": " + why + "; to do without it, configure trady with -D" +
                           option + "=OFF");
}

int64_t vendor_forward_bytes(const ConvShape& shape, const ConvForward::Buffers& buffers,
                             FinishedBy finished_by) {
  const bool apart = finished_by == FinishedBy::us;
  const int64_t y_bytes = shape.out_elements() * int64_t{sizeof(float)};
  return forward_bytes(shape, {.residual = buffers.residual != nullptr,
                               .mask = buffers.mask != nullptr,
                               .mask_from_output = !apart,
                               .saves = buffers.save.slot != nullptr,
                               .saved_channels = buffers.save.count}) +
         (apart ? 2 * y_bytes : 0);
}

}  // namespace trady::kernels::cuda
