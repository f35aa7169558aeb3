// What a thread is computing, in the words of the network, so that errors of a device and profilers
// can name it. Always on: a label is two pointers, copied.
#pragma once

#include <string>

namespace trady::kernels {

/// Is told of labels as they open and close; of those that were open before it, nothing.
struct LabelObserver {
  void (*opened)(const char* subject, const char* pass) = nullptr;
  void (*closed)(const char* subject, const char* pass) = nullptr;
};
/// One for all threads, which must stay; null: none.
void observe_labels(const LabelObserver* observer);

/// Names what this thread does until the end of the scope: `ScopedLabel label("block3.expand",
/// "grad_weight")`. Labels nest. The strings must outlive it; `pass` may be null.
class ScopedLabel {
 public:
  explicit ScopedLabel(const char* subject, const char* pass = nullptr);
  ScopedLabel(const ScopedLabel&) = delete;
  ScopedLabel& operator=(const ScopedLabel&) = delete;
  ~ScopedLabel();

 private:
  friend std::string open_labels();
  std::string text() const;

  const char* subject_;
  const char* pass_;
  const ScopedLabel* outer_;
  const LabelObserver* observer_;
};

/// This thread's labels, outermost first: "block3.expand, grad_weight", or nested
/// "block3.expand, backward / grad_weight"; empty if there is none.
std::string open_labels();

}  // namespace trady::kernels
