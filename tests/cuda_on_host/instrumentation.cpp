// .cu files are compiled with -fsanitize=thread, which calls these functions before every load and
// store, and linked without that sanitizer's library: the names are its, the meaning is ours.
#include "instrumentation.h"

#include <link.h>

#include "built_in_variables.h"
#include "memory_map.h"
#include "report.h"

namespace cuda_on_host {
namespace {

/// Constants of the program and of its libraries.
bool is_read_only(uintptr_t address) {
  const LibraryScope scope;
  uintptr_t wanted = address;
  const auto look = [](dl_phdr_info* info, size_t, void* data) {
    const uintptr_t at = *static_cast<const uintptr_t*>(data);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const auto& segment = info->dlpi_phdr[i];
      const bool constant = (segment.p_type == PT_LOAD && !(segment.p_flags & PF_W)) ||
                            segment.p_type == PT_GNU_RELRO;
      if (constant && at - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz) return 1;
    }
    return 0;
  };
  return dl_iterate_phdr(look, &wanted) != 0;
}

/// The rare cases: outside the region and outside the thread's own stack.
[[gnu::noinline]] void check_elsewhere(Access kind, uintptr_t address, size_t bytes) {
  if (kind == Access::read && (is_built_in_variable(address) || is_read_only(address))) return;
  report_outside(kind, address, bytes);
}

template <Access kind, size_t bytes, size_t alignment>
void pass(const void* pointer) {
  const Thread* thread = running_thread;
  if (thread) {
    check_kernel_access(kind, reinterpret_cast<uintptr_t>(pointer), bytes, alignment, *thread);
  }
}

void pass_range(Access kind, const void* pointer, size_t bytes) {
  const Thread* thread = running_thread;
  if (thread) {
    check_kernel_access(kind, reinterpret_cast<uintptr_t>(pointer), bytes, 1, *thread);
  }
}

}  // namespace

void check_kernel_access(Access kind, uintptr_t address, size_t bytes, size_t alignment,
                         const Thread& thread) {
  if (address % alignment != 0) report_misaligned(kind, address, bytes);
  if (in_region(address)) {
    check_access(kind, address, bytes, thread.accessor);
  } else if (!thread.fiber.on_stack(address)) {
    check_elsewhere(kind, address, bytes);
  }
}

}  // namespace cuda_on_host

using cuda_on_host::Access;
using cuda_on_host::pass;
using cuda_on_host::pass_range;

// NOLINTBEGIN(bugprone-reserved-identifier): the compiler chose the names.
extern "C" {

void __tsan_init() {}

void __tsan_func_entry(void*) {
  const cuda_on_host::Thread* thread = cuda_on_host::running_thread;
  if (!thread) return;
  const auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  if (frame - thread->fiber.stack_low() < cuda_on_host::Fiber::kReserveBytes) {
    cuda_on_host::report(
        [] { return "the stack of the thread is full: deep recursion or large local arrays"; });
  }
}
void __tsan_func_exit() {}

void __tsan_read1(void* address) {
  pass<Access::read, 1, 1>(address);
}
void __tsan_read2(void* address) {
  pass<Access::read, 2, 2>(address);
}
void __tsan_read4(void* address) {
  pass<Access::read, 4, 4>(address);
}
void __tsan_read8(void* address) {
  pass<Access::read, 8, 8>(address);
}
void __tsan_read16(void* address) {
  pass<Access::read, 16, 16>(address);
}
void __tsan_write1(void* address) {
  pass<Access::write, 1, 1>(address);
}
void __tsan_write2(void* address) {
  pass<Access::write, 2, 2>(address);
}
void __tsan_write4(void* address) {
  pass<Access::write, 4, 4>(address);
}
void __tsan_write8(void* address) {
  pass<Access::write, 8, 8>(address);
}
void __tsan_write16(void* address) {
  pass<Access::write, 16, 16>(address);
}

// Of types that promise no alignment.
void __tsan_unaligned_read2(void* address) {
  pass<Access::read, 2, 1>(address);
}
void __tsan_unaligned_read4(void* address) {
  pass<Access::read, 4, 1>(address);
}
void __tsan_unaligned_read8(void* address) {
  pass<Access::read, 8, 1>(address);
}
void __tsan_unaligned_read16(void* address) {
  pass<Access::read, 16, 1>(address);
}
void __tsan_unaligned_write2(void* address) {
  pass<Access::write, 2, 1>(address);
}
void __tsan_unaligned_write4(void* address) {
  pass<Access::write, 4, 1>(address);
}
void __tsan_unaligned_write8(void* address) {
  pass<Access::write, 8, 1>(address);
}
void __tsan_unaligned_write16(void* address) {
  pass<Access::write, 16, 1>(address);
}

void __tsan_read_range(void* address, size_t bytes) {
  pass_range(Access::read, address, bytes);
}
void __tsan_write_range(void* address, size_t bytes) {
  pass_range(Access::write, address, bytes);
}
void __tsan_vptr_update(void** address, void*) {
  pass<Access::write, 8, 8>(address);
}
void __tsan_vptr_read(void** address) {
  pass<Access::read, 8, 8>(address);
}
}
// NOLINTEND(bugprone-reserved-identifier)
