#include "kernels/cpu/shared_conv.h"

#include <cstddef>
#include <utility>

namespace trady::kernels::cpu {
namespace {

constexpr int64_t kAlignment = 64;  // of scratch, as kernels/backend.h promises it

ConvShape one_image(ConvShape shape) {
  shape.batch = 1;
  return shape;
}

int64_t aligned(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

const float* image(const void* values, int64_t index, int64_t elements) {
  return values ? static_cast<const float*>(values) + index * elements : nullptr;
}

float* image(void* values, int64_t index, int64_t elements) {
  return values ? static_cast<float*>(values) + index * elements : nullptr;
}

/// What both directions have in common.
template <typename Pass>
class Shared : public Pass {
 public:
  Shared(const ConvShape& shape, std::shared_ptr<const Team> team, std::unique_ptr<Pass> one)
      : in_elements_(one_image(shape).in_elements()),
        out_elements_(one_image(shape).out_elements()),
        one_(std::move(one)),
        images_(shape.batch),
        team_(std::move(team)),
        scratch_bytes_(aligned(one_->scratch_bytes())) {}

  int64_t scratch_bytes() const override { return team_->threads() * scratch_bytes_; }
  int64_t prepared_weight_bytes() const override { return one_->prepared_weight_bytes(); }
  void prepare_weight(const void* w, void* prepared) const override {
    one_->prepare_weight(w, prepared);
  }

 protected:
  /// visit(index of the image, scratch of the thread)
  template <typename Visit>
  void for_each_image(void* scratch, const Visit& visit) const {
    run_pieces(team_.get(), images_, [&](int64_t index, int thread) {
      visit(index, scratch ? static_cast<std::byte*>(scratch) + thread * scratch_bytes_ : nullptr);
    });
  }

  int64_t in_elements_, out_elements_;  ///< of an image
  std::unique_ptr<Pass> one_;

 private:
  int64_t images_;
  std::shared_ptr<const Team> team_;
  int64_t scratch_bytes_;  ///< of a thread
};

class SharedForward final : public Shared<ConvForward> {
 public:
  using Shared::Shared;
  void run(const Buffers& buffers) const override {
    for_each_image(buffers.scratch, [&](int64_t index, void* scratch) {
      Buffers own = buffers;
      own.x = image(buffers.x, index, in_elements_);
      own.residual = image(buffers.residual, index, out_elements_);
      own.y = image(buffers.y, index, out_elements_);
      if (buffers.mask) own.mask = buffers.mask + index * out_elements_ / 8;
      own.scratch = scratch;
      one_->run(own);
    });
  }
};

class SharedGradInput final : public Shared<ConvGradInput> {
 public:
  using Shared::Shared;
  bool masks_gradient() const override { return one_->masks_gradient(); }
  void run(const Buffers& buffers, GradientMode mode) const override {
    for_each_image(buffers.scratch, [&](int64_t index, void* scratch) {
      Buffers own = buffers;
      own.dy = image(buffers.dy, index, out_elements_);
      own.dx = image(buffers.dx, index, in_elements_);
      if (buffers.mask) own.mask = buffers.mask + index * in_elements_ / 8;
      own.scratch = scratch;
      one_->run(own, mode);
    });
  }
};

}  // namespace

std::unique_ptr<ConvForward> make_shared_forward(
    const ConvShape& shape, std::shared_ptr<const Team> team,
    const std::function<std::unique_ptr<ConvForward>(const ConvShape&)>& make) {
  const ConvShape one = one_image(shape);
  if (one.out_elements() % 8 != 0) return nullptr;
  return std::make_unique<SharedForward>(shape, std::move(team), make(one));
}

std::unique_ptr<ConvGradInput> make_shared_grad_input(
    const ConvShape& shape, std::shared_ptr<const Team> team,
    const std::function<std::unique_ptr<ConvGradInput>(const ConvShape&)>& make) {
  const ConvShape one = one_image(shape);
  if (one.in_elements() % 8 != 0) return nullptr;
  return std::make_unique<SharedGradInput>(shape, std::move(team), make(one));
}

}  // namespace trady::kernels::cpu
