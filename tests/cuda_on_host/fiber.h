// A stack of its own and a way to switch to it and back: what a thread of a kernel runs on.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cuda_on_host {

/// The stack pointers and what AddressSanitizer keeps of a stack that is not running.
struct StackContext {
  void* stack_pointer = nullptr;
  void* sanitizer_stack = nullptr;
  const void* low = nullptr;
  size_t bytes = 0;
};

class Fiber {
 public:
  static constexpr size_t kStackBytes = 128 << 10;
  /// Left for the functions of this library when a kernel's own frames are checked.
  static constexpr size_t kReserveBytes = 32 << 10;

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next resume() starts `entry`(argument), which must end in finish(). What the fiber did
  /// before is given up.
  void prepare(void (*entry)(void*), void* argument);
  /// Runs the fiber until it calls suspend() or finish().
  void resume();
  /// Called on the fiber: back to whoever resumed it.
  void suspend();
  [[noreturn]] void finish();

  uintptr_t stack_low() const { return low_; }
  bool on_stack(uintptr_t address) const { return address - low_ < kStackBytes; }

 private:
  static void start(Fiber* fiber);

  uintptr_t low_ = 0;
  StackContext own_, caller_;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
};

}  // namespace cuda_on_host
