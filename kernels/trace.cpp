#include "kernels/trace.h"

#include <atomic>

namespace trady::kernels {
namespace {

constinit thread_local const ScopedLabel* innermost = nullptr;
constinit std::atomic<const LabelObserver*> current_observer{nullptr};

}  // namespace

void observe_labels(const LabelObserver* observer) {
  current_observer.store(observer, std::memory_order_release);
}

ScopedLabel::ScopedLabel(const char* subject, const char* pass)
    : subject_(subject),
      pass_(pass),
      outer_(innermost),
      observer_(current_observer.load(std::memory_order_acquire)) {
  innermost = this;
  if (observer_ != nullptr) observer_->opened(subject_, pass_);
}

ScopedLabel::~ScopedLabel() {
  if (observer_ != nullptr) observer_->closed(subject_, pass_);
  innermost = outer_;
}

std::string ScopedLabel::text() const {
  std::string text = outer_ == nullptr ? "" : outer_->text() + " / ";
  text += subject_;
  if (pass_ != nullptr) text += std::string(", ") + pass_;
  return text;
}

std::string open_labels() {
  return innermost == nullptr ? "" : innermost->text();
}

}  // namespace trady::kernels
