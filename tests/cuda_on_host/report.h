// How a broken rule is told: what was accessed, by whom, against what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#include "access_history.h"
#include "cuda_on_host/vector_types.h"
#include "memory_map.h"
#include "tracker.h"

namespace cuda_on_host {

/// Makes a message. It refers to a callable that must outlive it.
class Description {
 public:
  template <typename Callable>
  explicit Description(const Callable& callable)
      : callable_(&callable),
        call_([](const void* c) -> std::string { return (*static_cast<const Callable*>(c))(); }) {}
  std::string text() const { return call_(callable_); }

 private:
  const void* callable_;
  std::string (*call_)(const void*);
};

[[noreturn]] void report_described(const Description& what);

/// Ends the running thread of a kernel, or throws if none runs. What what() returns is put behind
/// the names of kernel, block and thread, or of the copy. It is not called by the thread that ends,
/// whose frames are given up without a chance to free anything: keep no strings there.
template <typename Callable>
[[noreturn]] void report(const Callable& what) {
  report_described(Description(what));
}

[[noreturn]] void report_race(Access kind, uintptr_t address, size_t bytes, const Touch& other,
                              const char* done_by_other);
[[noreturn]] void report_address(Access kind, uintptr_t address, size_t bytes, uintptr_t bad,
                                 ByteState state);
[[noreturn]] void report_uninitialised(Access kind, uintptr_t address, size_t bytes, uintptr_t bad);
[[noreturn]] void report_outside(Access kind, uintptr_t address, size_t bytes);
[[noreturn]] void report_misaligned(Access kind, uintptr_t address, size_t bytes);

/// "(1, 0, 0)"
std::string describe_index(const dim3& index);
/// "0x0000ffff"
std::string hexadecimal(uint32_t mask);
/// " (reduce.cu:42)"
std::string at(const std::source_location& where);
bool same_place(const std::source_location& one, const std::source_location& other);
/// "[cuda_on_host] kernel 'reduce', block (0, 0, 0)" of what runs.
std::string kernel_and_block();

}  // namespace cuda_on_host
