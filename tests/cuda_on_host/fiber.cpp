#include "fiber.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#error "cuda_on_host switches stacks with x86-64 instructions"
#endif

// swapcontext() would do, but saves the signal mask with two system calls at each switch, and a
// kernel of 256 threads switches at every barrier and every warp operation.
asm(R"(
  .text
  .type cuda_on_host_switch_stack, @function
cuda_on_host_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size cuda_on_host_switch_stack, .-cuda_on_host_switch_stack

  .type cuda_on_host_start_fiber, @function
cuda_on_host_start_fiber:
  .cfi_startproc
  .cfi_undefined rip
  movq %rbx, %rdi
  call *%r12
  ud2
  .cfi_endproc
  .size cuda_on_host_start_fiber, .-cuda_on_host_start_fiber
)");

extern "C" {
/// Saves the registers that a call keeps on this stack and goes on where `to` was saved.
void cuda_on_host_switch_stack(void** from, void* to);
void cuda_on_host_start_fiber();
}

namespace cuda_on_host {
namespace {

constexpr size_t kGuardBytes = 4096;

void switch_stack(StackContext& from, StackContext& to, [[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(for_good ? nullptr : &from.sanitizer_stack, to.low, to.bytes);
#endif
  cuda_on_host_switch_stack(&from.stack_pointer, to.stack_pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.sanitizer_stack, nullptr, nullptr);
#endif
}

}  // namespace

Fiber::Fiber() {
  void* memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, kGuardBytes, PROT_NONE);
  low_ = reinterpret_cast<uintptr_t>(memory) + kGuardBytes;
  own_.low = reinterpret_cast<const void*>(low_);
  own_.bytes = kStackBytes;
}

Fiber::~Fiber() {
  munmap(reinterpret_cast<void*>(low_ - kGuardBytes), kGuardBytes + kStackBytes);
}

void Fiber::prepare(void (*entry)(void*), void* argument) {
  entry_ = entry;
  argument_ = argument;
#if defined(__SANITIZE_ADDRESS__)
  // Frames that were given up have left their red zones behind.
  __asan_unpoison_memory_region(reinterpret_cast<void*>(low_), kStackBytes);
#endif
  // As cuda_on_host_switch_stack would have left it: r15 r14 r13 r12 rbx rbp, return address.
  auto* top = reinterpret_cast<void**>(low_ + kStackBytes - 72);
  top[0] = top[1] = top[2] = top[5] = nullptr;
  top[3] = reinterpret_cast<void*>(&Fiber::start);
  top[4] = this;
  top[6] = reinterpret_cast<void*>(&cuda_on_host_start_fiber);
  own_.stack_pointer = top;
  own_.sanitizer_stack = nullptr;
}

void Fiber::start(Fiber* fiber) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &fiber->caller_.low, &fiber->caller_.bytes);
#endif
  fiber->entry_(fiber->argument_);
  std::abort();
}

void Fiber::resume() {
  switch_stack(caller_, own_, false);
}

void Fiber::suspend() {
  switch_stack(own_, caller_, false);
}

void Fiber::finish() {
  switch_stack(own_, caller_, true);
  std::abort();
}

}  // namespace cuda_on_host
